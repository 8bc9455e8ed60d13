import re
from dataclasses import replace
from typing import get_args, get_type_hints

import pytest

from stages.prompts.languages import LANGUAGES
from stages.prompts.phrases import CLARITY, DIFFICULTY, KIND, SOURCE
from stages.prompts.variants import Variant
from stages.prompts.wording import length, write_prompt
from stages.shared.records import KINDS, LEVELS, SOURCES
from stages.shared.settings import Prompts
from stages.shared.text import seed_text

VARIANT = Variant([2, 6], [80, 150], "clear", "school", "en")
FORMS = [(source, kind) for source in SOURCES for kind in KINDS if source != "retrieval" or kind == "short_long"]


def write(source="grounded", kind="short_long", *, document, **changes):
    return write_prompt(source, kind, "Given a, find b.", replace(VARIANT, **changes), document)


def test_there_are_phrases_for_every_kind_source_and_setting_and_no_other():
    allowed = {axis: set(get_args(get_args(get_type_hints(Prompts)[axis])[0])) for axis in ("clarity", "difficulty")}
    assert set(KIND) == set(KINDS)
    assert set(SOURCE) == set(SOURCES)
    assert set(CLARITY) == allowed["clarity"]
    assert set(DIFFICULTY) == allowed["difficulty"]


@pytest.mark.parametrize(("source", "kind"), FORMS)
def test_a_prompt_holds_task_levels_in_order_and_every_field(source, kind, documents):
    prompt = write(source, kind, document=None if source == "task" else documents[0])
    assert "The task: Given a, find b." in prompt
    places = [prompt.index(f'{number}. "{level}"') for number, level in enumerate(LEVELS, 1)]
    assert places == sorted(places)
    for field in ("query", "positive_example", "hard_negative_examples"):
        assert f'- "{field}": ' in prompt
    assert prompt.count('"similarity_level"') == len(LEVELS)
    assert re.findall(r'"similarity_level": "(\w+)"', prompt) == list(LEVELS)
    assert "$" not in prompt
    assert not re.search(r"[{]\w", prompt)


@pytest.mark.parametrize("source", ["grounded", "retrieval"])
def test_a_text_is_quoted_between_the_marks_that_the_local_endpoint_looks_for(source, documents):
    assert f"\n<<<\n{seed_text(documents[0])}\n>>>\n" in write(source, document=documents[0])


def test_a_task_alone_quotes_nothing():
    assert "<<<" not in write("task", document=None)


def test_query_and_documents_are_of_the_lengths_that_were_drawn(documents):
    lines = write(document=documents[0]).splitlines()
    query, positive, negatives = (line for line in lines if line.startswith('- "'))
    assert "of 2 to 6 words" in query
    assert "of 80 to 150 words" in positive
    assert "of 80 to 150 words each" in negatives


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([2, 6], "of 2 to 6 words"),
        ([1, 60], "of at most 60 words"),
        ([7, 7], "of 7 words"),
        ([1, 1], "of one word"),
    ],
)
def test_a_range_of_words_reads_naturally(words, said):
    assert length(words) == said


@pytest.mark.parametrize("axis", ["clarity", "difficulty", "language"])
def test_each_value_of_an_axis_is_said_and_no_other(axis, documents):
    phrases = {"clarity": CLARITY, "difficulty": DIFFICULTY, "language": LANGUAGES}[axis]
    for value in phrases:
        prompt = write(document=documents[0], **{axis: value})
        assert [other for other, phrase in phrases.items() if phrase in prompt] == [value]


def test_a_dollar_sign_or_brace_in_a_text_stays_as_it_is(documents):
    odd = replace(documents[0], body="Costs $task or {length}, 100%.")
    assert "Costs $task or {length}, 100%." in write(document=odd)
