"""What becomes a sample, and why the rest does not."""

import json

import pytest

from stages.llm.local.faults import _FAULTS
from stages.llm.requests import Answer
from stages.shared.records import LEVELS, Rejection, Sample, read_records, write_records
from stages.synthesis.checks import NEAR_DUPLICATE, REASONS, check
from tests.synthesis.conftest import WRITTEN

TEXTS = [row["text"] for row in WRITTEN["hard_negative_examples"]]


def _json(**changes):
    return json.dumps(WRITTEN | changes)


def _negatives(*texts, levels=LEVELS):
    pairs = zip(levels, texts, strict=False)
    return _json(hard_negative_examples=[{"similarity_level": level, "text": text} for level, text in pairs])


def _check(request, text, finish_reason="stop", attempt=0, length_tolerance=2.0):
    return check(request, Answer(text, finish_reason, 10, 20), attempt, length_tolerance)


def test_a_good_answer_becomes_a_sample_that_names_where_it_comes_from(chat_request):
    sample = _check(chat_request(), _json(), attempt=2)
    assert isinstance(sample, Sample)
    assert sample.query == "how to take the mean of an array along one axis"
    assert sample.positive == "Computes the arithmetic mean of the elements of an array along the given axis."
    assert sample.negatives == TEXTS
    assert (sample.request_id, sample.source, sample.task_id, sample.seed_id) == ("r1", "grounded", "t1", "s1")
    assert (sample.kind, sample.language, sample.attempt, sample.repairs) == ("short_short", "en", 2, [])
    assert sample.instruction == chat_request().instruction


def test_id_tells_texts_and_requests_apart_and_not_attempts(chat_request):
    first = _check(chat_request(), _json())
    assert _check(chat_request(), f"```{_json()}```", attempt=1).id == first.id
    assert _check(chat_request(id="r2"), _json()).id != first.id
    assert _check(chat_request(), _json(query="what is the mean of an array")).id != first.id


def test_repairs_are_named_in_the_sample(chat_request):
    five = _negatives(*TEXTS, TEXTS[3].upper(), levels=(*LEVELS, "low"))
    sample = _check(chat_request(), f"Here:\n```json\n{five[:-1]},}}\n```")
    assert sample.repairs == ["trailing_comma", "code_fence", "prose", "extra_negative"]
    assert sample.negatives == TEXTS


GERMAN = {
    "query": "wie bildet man den Mittelwert eines Arrays entlang einer Achse",
    "positive_example": "Berechnet den Mittelwert der Elemente eines Arrays entlang der angegebenen Achse.",
    "hard_negative_examples": [
        {"similarity_level": level, "text": text}
        for level, text in zip(
            LEVELS,
            (
                "Berechnet den Median der Elemente eines Arrays entlang der angegebenen Achse.",
                "Liefert den Mittelwert einer Gruppe von Zeilen in einer Tabelle.",
                "Zählt, wie viele Elemente eines Arrays nicht gleich null sind.",
                "Öffnet eine Datei und liest ihre Zeilen eine nach der anderen.",
            ),
            strict=True,
        )
    ],
}

BAD = {
    "not answered": ("", "no_answer", "no_answer"),
    "filtered": (_json(), "filtered", "content_filter"),
    "cut short": (_json()[:80], "cut_short", "length"),
    "cut short before the first word": ("", "cut_short", "length"),
    "cut short in a refusal": ("I'm sorry, but", "cut_short", "length"),
    "empty": (" \n", "empty_answer"),
    "nothing said of the end": ("", "empty_answer", ""),
    "refusal": ("I’m sorry, but I can’t help with that request.", "refusal"),
    "short refusal": ("I cannot create such content.", "refusal"),
    "apology": ("Unfortunately, this task asks for personal data.", "refusal"),
    "machine": ("As an AI language model, I have no opinions.", "refusal"),
    "refusal in any words that the server marks as one": ("No.", "refusal", "refusal"),
    "refusal for a query": (_json(query="I'm sorry, but I can't assist with that."), "refusal"),
    "refusal for a negative": (_negatives(*TEXTS[:3], "As an AI, I must not write this."), "refusal"),
    "truncated though not cut by the server": (_json()[:80], "invalid_json"),
    "prose": ("Certainly! Which task do you mean?", "invalid_json"),
    "half a surrogate pair": (_json(query="a \ud83d query"), "invalid_json"),
    "half a surrogate pair for a key": (_json(**{"\ud83d": 1}), "invalid_json"),
    "two samples": (f"{_json()}\n{_json()}", "invalid_json"),
    "a megabyte of brackets": ("[" * 10**6, "invalid_json"),
    "a megabyte of braces in a fence": ("```" + '{"a":' * 200_000, "invalid_json"),
    "a list": ("[]", "wrong_schema"),
    "a refusal as JSON": ('"I cannot do that"', "wrong_schema"),
    "a field more": (_json(note="x"), "wrong_schema"),
    "a field less": (json.dumps({"query": "a", "positive_example": "b"}), "wrong_schema"),
    "a number for a text": (_json(query=3), "wrong_schema"),
    "negatives as a string": (_json(hard_negative_examples=json.dumps(TEXTS)), "wrong_schema"),
    "a hundred thousand wrong negatives": (_json(hard_negative_examples=[None] * 10**5), "wrong_schema"),
    "no negatives": (_negatives(), "wrong_count"),
    "three negatives": (_negatives(*TEXTS[:3]), "wrong_count"),
    "five different negatives": (_negatives(*TEXTS, "Sorts it.", levels=(*LEVELS, "low")), "wrong_count"),
    "levels turned round": (_negatives(*TEXTS, levels=LEVELS[::-1]), "wrong_levels"),
    "an unknown level": (_negatives(*TEXTS, levels=("top", *LEVELS[1:])), "wrong_levels"),
    "a blank query": (_json(query=" \n"), "empty_text"),
    "a negative of punctuation": (_negatives(*TEXTS[:2], "...", TEXTS[3]), "empty_text"),
    "positive copies query": (_json(positive_example=f"{WRITTEN['query'].upper()}?"), "copied_query"),
    "negative copies query": (_negatives(*TEXTS[:3], WRITTEN["query"]), "copied_query"),
    "negative repeats positive": (_negatives(WRITTEN["positive_example"].upper(), *TEXTS[1:]), "repeated_text"),
    "two equal negatives": (_negatives(*TEXTS[:3], TEXTS[0].lower()), "repeated_text"),
    "German": (json.dumps(GERMAN), "wrong_language"),
    "a query of one word": (_json(query="mean"), "wrong_length"),
    "a query of 25 words": (_json(query="word " * 25), "wrong_length"),
    "a negative of two words": (_negatives(*TEXTS[:3], "Two words."), "wrong_length"),
    "a positive of 61 words": (_json(positive_example="the " * 61), "wrong_length"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_answer_is_rejected_with_its_reason_and_kept_word_for_word(chat_request, case):
    text, reason, *finish_reason = BAD[case]
    rejection = _check(chat_request(), text, *finish_reason, attempt=1)
    assert isinstance(rejection, Rejection)
    assert (rejection.reason, rejection.answer, rejection.request_id) == (reason, text, "r1")
    assert (rejection.kind, rejection.attempt) == ("short_short", 1)
    assert 0 < len(rejection.detail) <= 300


def test_every_reason_is_met_by_a_case_above_but_that_which_takes_other_samples():
    assert {reason for _, reason, *_ in BAD.values()} == set(REASONS) - {NEAR_DUPLICATE}


def test_every_rejection_can_be_written_and_read_back(chat_request, tmp_path):
    rejections = [_check(chat_request(), text, *rest) for text, _, *rest in BAD.values()]
    write_records(tmp_path / "rejected.parquet", Rejection, rejections)
    assert read_records(tmp_path / "rejected.parquet", Rejection) == rejections


def test_a_whole_answer_counts_though_the_server_says_that_it_was_cut(chat_request):
    assert isinstance(_check(chat_request(), _json(), finish_reason="length"), Sample)


def test_apology_that_is_no_refusal_may_stand_in_a_sample(chat_request):
    text = "I am sorry that I missed the train, so I took the next one."
    assert isinstance(_check(chat_request(), _negatives(*TEXTS[:3], text)), Sample)
    assert isinstance(_check(chat_request(), _json(query="I can't write to a closed file")), Sample)
    assert isinstance(_check(chat_request(), _json(query="as an AI engineer, I want fast tools")), Sample)


@pytest.mark.parametrize(
    ("words", "tolerance", "fits"),
    [(4, 2.0, False), (5, 2.0, True), (40, 2.0, True), (41, 2.0, False), (9, 1.0, False), (10, 1.0, True)],
)
def test_lengths_may_miss_the_asked_range_by_the_tolerance(chat_request, words, tolerance, fits):
    texts = [f"{' '.join(['number'] * (words - 1))} {name}" for name in ("zero", "one", "two", "three", "four")]
    answer = json.loads(_negatives(*texts[1:])) | {"positive_example": texts[0]}
    result = _check(chat_request(document_words=[10, 20]), json.dumps(answer), length_tolerance=tolerance)
    assert isinstance(result, Sample) if fits else result.reason == "wrong_length"


def test_answer_in_the_language_that_was_asked_for_passes(chat_request):
    assert isinstance(_check(chat_request(language="de"), json.dumps(GERMAN)), Sample)
    assert _check(chat_request(language="de"), _json()).reason == "wrong_language"


def test_chinese_words_are_counted_without_spaces(chat_request):
    names = ("平均值", "中位数", "标准差", "最大值", "最小值")
    positive, *negatives = (f"该函数沿指定的轴计算数组元素的{name}，并返回一个新的数组。" for name in names)
    answer = json.loads(_negatives(*negatives)) | {"query": "怎样计算数组的平均值", "positive_example": positive}
    request = chat_request(language="zh", query_words=[5, 10], document_words=[15, 30])
    assert isinstance(_check(request, json.dumps(answer)), Sample)
    longer = chat_request(language="zh", query_words=[5, 10], document_words=[80, 150])
    assert _check(longer, json.dumps(answer)).reason == "wrong_length"


@pytest.mark.parametrize("fault", _FAULTS, ids=lambda fault: fault.__name__)
def test_every_fault_of_the_local_endpoint_is_mended_or_rejected(chat_request, written, fault):
    result = _check(chat_request(), fault(written()))
    mended = {"_code_fence": ["code_fence"], "_trailing_comma": ["trailing_comma"]}
    if fault.__name__ in mended:
        assert result.repairs == mended[fault.__name__]
    else:
        assert isinstance(result, Rejection)
