"""From an answer to a sample, or to the reason why it gives none."""

import json

from pydantic import ValidationError

from stages.llm.answers import MghSample
from stages.llm.requests import NO_ANSWER, Answer
from stages.shared.files import content_id
from stages.shared.records import LEVELS, ChatRequest, Rejection, Sample
from stages.shared.text import normalised
from stages.synthesis.language import foreign
from stages.synthesis.refusals import holds_refusal, is_refusal
from stages.synthesis.repair import four_negatives, read_json
from stages.synthesis.words import word_count

NEAR_DUPLICATE = "near_duplicate"

REASONS = (
    "no_answer",  # the server failed as often as it was asked
    "filtered",  # by the provider's content filter
    "cut_short",  # by max_tokens, before the JSON was complete
    "empty_answer",
    "refusal",  # instead of JSON, or as one of the texts
    "invalid_json",
    "wrong_schema",
    "wrong_count",
    "wrong_levels",
    "empty_text",
    "copied_query",
    "repeated_text",
    "wrong_language",
    "wrong_length",
    NEAR_DUPLICATE,  # of an earlier sample: known to duplicates.NearDuplicates, not to `check`
)
"""In the order of checking; only a refusal that stands for one of the texts is found later, before empty_text."""

_TEXTS = ("query", "positive", "N1", "N2", "N3", "N4")


class _Unfit(Exception):
    """Carries the reason and the detail to the end of `check`."""

    def __init__(self, reason: str, detail: str):
        self.reason, self.detail = reason, detail


def check(request: ChatRequest, answer: Answer, attempt: int, length_tolerance: float) -> Sample | Rejection:
    """The sample that `answer` to `request` holds, or its rejection for the first of REASONS that applies.

    A text may have `length_tolerance` times fewer or more words than were asked for. Never raises for any answer.
    """
    try:
        written, repairs = _read(answer)
        query, positive, *negatives = texts = _texts(written)
        _check_contents(texts)
        _check_form(texts, request, length_tolerance)
    except _Unfit as unfit:
        return Rejection(request.id, request.kind, attempt, unfit.reason, unfit.detail[:300], answer.text)
    return Sample(
        id=content_id(request.id, *texts),
        request_id=request.id,
        source=request.source,
        task_id=request.task_id,
        seed_id=request.seed_id,
        kind=request.kind,
        language=request.language,
        attempt=attempt,
        repairs=repairs,
        instruction=request.instruction,
        query=query,
        positive=positive,
        negatives=negatives,
    )


def _read(answer: Answer) -> tuple[MghSample, list[str]]:
    if answer.finish_reason == NO_ANSWER:
        raise _Unfit("no_answer", "the server failed as often as it was asked")
    if answer.finish_reason == "content_filter":
        raise _Unfit("filtered", "the provider's content filter ended the answer")
    try:
        content, repairs = read_json(answer.text)
        written = MghSample.model_validate(content)
    except json.JSONDecodeError as error:
        raise _why_unreadable(answer, error) from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        raise _Unfit("wrong_schema", f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    negatives = written.hard_negative_examples
    if len(negatives) > len(LEVELS) and (kept := four_negatives(negatives)):
        return written.model_copy(update={"hard_negative_examples": kept}), [*repairs, "extra_negative"]
    return written, repairs


def _why_unreadable(answer: Answer, error: json.JSONDecodeError) -> _Unfit:
    if answer.finish_reason == "length":
        return _Unfit("cut_short", str(error))
    if not answer.text.strip():
        return _Unfit("empty_answer", "no text")
    if answer.finish_reason == "refusal" or is_refusal(answer.text):
        return _Unfit("refusal", answer.text.strip())
    return _Unfit("invalid_json", str(error))


def _texts(written: MghSample) -> list[str]:
    """Query, positive and the four negatives, N1 first."""
    levels = [negative.similarity_level for negative in written.hard_negative_examples]
    if len(levels) != len(LEVELS):
        raise _Unfit("wrong_count", f"{len(levels)} negatives, asked for {len(LEVELS)}")
    if levels != list(LEVELS):
        raise _Unfit("wrong_levels", ", ".join(levels))
    negatives = [negative.text for negative in written.hard_negative_examples]
    return [text.strip() for text in (written.query, written.positive_example, *negatives)]


def _check_contents(texts: list[str]) -> None:
    for name, text in zip(_TEXTS, texts, strict=True):
        if holds_refusal(text):
            raise _Unfit("refusal", f"{name}: {text}")
    forms = [normalised(text) for text in texts]
    if not all(forms):
        raise _Unfit("empty_text", f"{_TEXTS[forms.index('')]} has no words")
    if forms[0] in forms[1:]:
        raise _Unfit("copied_query", f"{_TEXTS[forms.index(forms[0], 1)]} is the query")
    if len(set(forms)) < len(forms):
        later = next(index for index, form in enumerate(forms) if form in forms[:index])
        raise _Unfit("repeated_text", f"{_TEXTS[later]} is {_TEXTS[forms.index(forms[later])]}")


def _check_form(texts: list[str], request: ChatRequest, tolerance: float) -> None:
    if found := foreign(texts, request.language):
        raise _Unfit("wrong_language", f"{found}, asked for {request.language}")
    ranges = [request.query_words] + [request.document_words] * (len(texts) - 1)
    for name, text, (fewest, most) in zip(_TEXTS, texts, ranges, strict=True):
        words = word_count(text, request.language)
        if not fewest / tolerance <= words <= most * tolerance:
            raise _Unfit("wrong_length", f"{name} has {words} words, asked for {fewest} to {most}")
