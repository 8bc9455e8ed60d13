"""From an answer's text to a sample, or to the reason why it gives none."""

import json

from pydantic import ValidationError

from stages.llm.answers import MghSample
from stages.shared.files import content_id
from stages.shared.records import LEVELS, ChatRequest, Rejection, Sample
from stages.shared.text import normalised

REASONS = ("invalid_json", "wrong_schema", "wrong_count", "wrong_levels", "empty_text", "repeated_text")


def check(request: ChatRequest, answer: str) -> Sample | Rejection:
    """The sample that `answer` holds, or its rejection for the first of `REASONS` that applies."""

    def reject(reason: str, detail: str) -> Rejection:
        return Rejection(request.id, request.kind, reason, detail, answer)

    try:
        content = json.loads(answer)
        json.dumps(
            content, ensure_ascii=False
        ).encode()  # JSON can escape half a surrogate pair, which no file can hold
        written = MghSample.model_validate(content)
    except (json.JSONDecodeError, UnicodeEncodeError) as error:
        return reject("invalid_json", str(error))
    except ValidationError as error:
        first = error.errors()[0]
        return reject("wrong_schema", f"{'.'.join(map(str, first['loc']))}: {first['msg']}")
    levels = [negative.similarity_level for negative in written.hard_negative_examples]
    if len(levels) != len(LEVELS):
        return reject("wrong_count", f"{len(levels)} negatives, asked for {len(LEVELS)}")
    if levels != list(LEVELS):
        return reject("wrong_levels", ", ".join(levels))
    query, positive = written.query.strip(), written.positive_example.strip()
    negatives = [negative.text.strip() for negative in written.hard_negative_examples]
    forms = [normalised(text) for text in (query, positive, *negatives)]
    if not all(forms):
        return reject("empty_text", f"text {forms.index('')} of query, positive, negatives")
    if len(set(forms)) < len(forms):
        return reject("repeated_text", "two of query, positive and negatives are the same")
    return Sample(
        id=content_id(request.id, query, positive, *negatives),
        request_id=request.id,
        task_id=request.task_id,
        seed_id=request.seed_id,
        kind=request.kind,
        instruction=request.instruction,
        query=query,
        positive=positive,
        negatives=negatives,
    )
