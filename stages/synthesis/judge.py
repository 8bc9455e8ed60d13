"""A second model's opinion of the negatives: are they as similar as was asked, and are they wrong for the query?"""

import json
import random
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from string import Template

from pydantic import ValidationError

from stages.llm.answers import EXAMPLE, JUDGE, Grade, Judged, response_format
from stages.llm.requests import Answer, LlmRequest
from stages.shared.records import BUCKETS, LEVELS, Sample
from stages.shared.seeds import derive_seed
from stages.synthesis.repair import read_json

_TEMPLATE = Template((Path(__file__).parent / "templates/judge.txt").read_text(encoding="utf-8"))
_RANK = {"low": 0, "medium": 1, "high": 2}


def is_judged(sample: Sample, share: float) -> bool:
    """Whether `sample` is among the `share` that is judged: by its id alone, so that no other sample matters."""
    return derive_seed(0, "judged", sample.id) < share * 2**32


def judge_request(sample: Sample, seed: int) -> LlmRequest:
    """Asks for grades of the four negatives, shown in an order that tells nothing of their levels."""
    example = {
        "query": sample.query,
        "positive": sample.positive,
        "texts": [sample.negatives[index] for index in shown_order(sample, seed)],
    }
    shown = json.dumps(example, indent=1, ensure_ascii=False)
    prompt = _TEMPLATE.substitute(task=sample.instruction, marker=EXAMPLE, example=shown)
    return LlmRequest(prompt, response_format(Judged, JUDGE, sample.kind), derive_seed(seed, "judge", sample.id))


def shown_order(sample: Sample, seed: int) -> list[int]:
    """Which negative (0 for N1) stands in each place of the judge's prompt."""
    order = list(range(len(sample.negatives)))
    random.Random(derive_seed(seed, "judge", "order", sample.id)).shuffle(order)
    return order


def read_grades(answer: Answer, order: Sequence[int]) -> list[Grade] | None:
    """The grades of N1 to N4, None for an answer that does not hold four."""
    try:
        grades = Judged.model_validate(read_json(answer.text)[0]).grades
    except (json.JSONDecodeError, ValidationError):
        return None
    if len(grades) != len(order):
        return None
    return [grades[order.index(number)] for number in range(len(order))]


def agreement(samples: Sequence[Sample], answers: Sequence[Answer], seed: int) -> dict:
    """How far the judge's `answers` to `judge_request(sample, seed)` agree with what the samples were meant to be.

    judged, invalid_answers: counts. level_agreement: share of the negatives with the asked level. rank_correlation:
    Kendall's tau-b between asked and graded levels, the mean over samples, 0 where the judge sees no difference.
    false_negatives: share of the negatives that satisfy the query. per_level: both shares for each of N1 to N4.
    Without a valid answer there are only the counts.
    """
    read = [read_grades(answer, shown_order(sample, seed)) for sample, answer in zip(samples, answers, strict=True)]
    graded = [grades for grades in read if grades is not None]
    counts = {"judged": len(graded), "invalid_answers": len(read) - len(graded)}
    if not graded:
        return counts
    per_level = {
        bucket: {
            "level_agreement": _mean(grade.similarity_level == level for grade in grades),
            "false_negatives": _mean(grade.satisfies for grade in grades),
        }
        for bucket, level, grades in zip(BUCKETS, LEVELS, zip(*graded, strict=True), strict=True)
    }
    asked = [_RANK[level] for level in LEVELS]
    return {
        **counts,
        "level_agreement": _mean(shares["level_agreement"] for shares in per_level.values()),
        "rank_correlation": _mean(tau_b(asked, [_RANK[row.similarity_level] for row in grades]) for grades in graded),
        "false_negatives": _mean(shares["false_negatives"] for shares in per_level.values()),
        "per_level": per_level,
    }


def tau_b(first: Sequence[int], second: Sequence[int]) -> float:
    """Kendall's rank correlation with its correction for ties (1945); 0 where either side is all ties."""
    pairs = [
        ((a > b) - (a < b), (c > d) - (c < d)) for (a, c), (b, d) in combinations(zip(first, second, strict=True), 2)
    ]
    untied = sum(one != 0 for one, _ in pairs) * sum(other != 0 for _, other in pairs)
    return sum(one * other for one, other in pairs) / untied**0.5 if untied else 0.0


def _mean(values) -> float:
    values = [float(value) for value in values]
    return sum(values) / len(values)
