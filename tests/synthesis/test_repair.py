"""Which broken JSON is mended, and that nothing is guessed."""

import json
import time

import pytest

from stages.llm.answers import HardNegative
from stages.shared.records import LEVELS
from stages.synthesis.repair import four_negatives, read_json

VALUE = {"text": 'a, ] } ``` {"b": 1,} \\" é \n', "list": [1, {"x": None}], "empty": {}}
JSON = json.dumps(VALUE)

MENDED = {
    "sound": (JSON, []),
    "blanks around": (f"\n {JSON}\n\n", []),
    "byte-order mark": (f"\ufeff{JSON}", ["byte_order_mark"]),
    "fence": (f"```json\n{JSON}\n```", ["code_fence"]),
    "fence without a language, on one line": (f"```{JSON}```", ["code_fence"]),
    "fence in a fence": (f"```\n```JSON\n{JSON}\n```\n```", ["code_fence"]),
    "fence that is never closed": (f"```json\n{JSON}", ["code_fence"]),
    "prose before": (f"Sure, here it is:\n{JSON}", ["prose"]),
    "prose after": (f"{JSON}\nI hope that this helps!", ["prose"]),
    "prose around a fence": (f"Here:\n```json\n{JSON}\n```\nDone.", ["code_fence", "prose"]),
    "trailing commas": (JSON[:-1].replace("null}", "null , },\n") + ",}", ["trailing_comma"]),
    "all at once": (f"\ufeffSo:\n```{JSON[:-1]},}}```", ["byte_order_mark", "trailing_comma", "code_fence", "prose"]),
}


@pytest.mark.parametrize("case", MENDED)
def test_what_can_be_meant_in_one_way_is_mended_and_named_and_no_string_is_altered(case):
    text, repairs = MENDED[case]
    assert read_json(text) == (VALUE, repairs)


@pytest.mark.parametrize("text", ["[]", "3", '"{}"', "null"])
def test_sound_json_that_is_no_object_is_read_as_it_is(text):
    assert read_json(text) == (json.loads(text), [])


REFUSED = {
    "nothing": "",
    "a mark alone": "\ufeff",
    "prose": "I would rather not.",
    "cut in a string": JSON[:20],
    "cut after a comma": '{"a": 1,',
    "cut before the last bracket": JSON[:-1],
    "cut within a fence": f"```json\n{JSON[:-1]}\n```",
    "two objects": f"{JSON}\n{JSON}",
    "an object and a list": f"{JSON} []",
    "an object in a broken list": f"[{JSON},]",
    "brackets in the prose": f"Given {{task}}: {JSON}",
    "two commas": '{"a": [1,,]}',
    "single quotes": "{'a': 1}",
    "a comment": '{"a": 1} // {',
    "a line break in a string": '{"a": "1\n2"}',
    "a key twice": '{"a": 1, "a": 1}',
    "a key twice, deep down": '{"a": [{"b": 1, "c": 2, "b": 3}]}',
    "half a surrogate pair": '{"a": "\\ud83d"}',
    "half a surrogate pair in a key": '{"\\ud83d": 1}',
    "a number of 5000 digits": '{"a": 1' + "0" * 5000 + "}",
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_may_be_meant_in_more_ways_or_none_is_refused(case):
    with pytest.raises(json.JSONDecodeError):
        read_json(REFUSED[case])


def test_whole_surrogate_pair_is_read():
    assert read_json('{"a": "\\ud83d\\ude00"}') == ({"a": "\N{GRINNING FACE}"}, [])


HOSTILE = {
    "braces": "{" * 10**6,
    "brackets": "[" * 10**6,
    "nested objects": '{"a":' * 200_000,
    "objects that never end": '{"a": [1, ' * 100_000,
    "open strings": '{"' * 500_000,
    "escaped quotes": '{"a' + '\\"' * 500_000,
    "escaped quotes and a last backslash": '{x"' + '\\"' * 500_000 + "\\",
    "commas and blanks": '{"a": [1' + ",   " * 250_000,
    "fences": "```json\n" * 100_000 + "{",
    "objects one after the other": "{}" * 500_000,
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_megabyte_of_hostile_text_is_refused_at_once(case):
    start = time.perf_counter()
    with pytest.raises(json.JSONDecodeError):
        read_json(HOSTILE[case])
    assert time.perf_counter() - start < 2  # quadratic time would take minutes


def _negatives(*levels_and_texts):
    return [HardNegative(similarity_level=level, text=text) for level, text in levels_and_texts]


SOUND = list(zip(LEVELS, "abcd", strict=True))


@pytest.mark.parametrize(
    "extra",
    [
        (0, ("high", "A.")),
        (4, ("low", "d")),
        (4, ("low", " ...")),
        (1, ("medium", "")),
        (2, ("medium", "b")),
        (4, ("low", "a")),  # left out at the front, the order of levels would be wrong
    ],
)
def test_repeated_and_empty_negatives_are_left_out_where_four_in_order_remain(extra):
    place, negative = extra
    given = [*SOUND[:place], negative, *SOUND[place:]]
    assert [row.text.lower().strip(".") for row in four_negatives(_negatives(*given))] == list("abcd")


@pytest.mark.parametrize(
    "given",
    [
        [*SOUND, ("low", "e")],
        [("high", "e"), *SOUND],
        [SOUND[0], SOUND[1], SOUND[2], SOUND[1], SOUND[3]],  # b c or c b
        [("low", "a"), *SOUND],
        [*SOUND[:3], ("low", "a"), ("low", "b")],
        [("high", ""), ("medium", ""), ("medium", ""), ("low", ""), ("low", "")],
    ],
)
def test_which_of_too_many_negatives_is_meant_is_not_guessed(given):
    assert four_negatives(_negatives(*given)) is None
