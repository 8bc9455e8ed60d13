"""Grades the negatives of a sample by the words that they share with the positive. It understands neither."""

import json

from stages.llm.answers import EXAMPLE
from stages.shared.text import normalised

HIGH, MEDIUM = 0.2, 0.05  # shared words / all words of both; close to where graded relatives fall
SATISFIES = 0.8  # nearly the same words as the positive


def grade(prompt: str) -> str:
    """The answer to a judge's prompt. Raises ValueError, LookupError or TypeError for a prompt without an example."""
    example = json.loads(prompt.rpartition(f"\n{EXAMPLE}\n")[2])
    overlaps = [_overlap(text, example["positive"]) for text in example["texts"]]
    return json.dumps({"grades": [{"similarity_level": _level(at), "satisfies": at >= SATISFIES} for at in overlaps]})


def _overlap(text: str, positive: str) -> float:
    words, wanted = set(normalised(text).split()), set(normalised(positive).split())
    return len(words & wanted) / max(1, len(words | wanted))


def _level(overlap: float) -> str:
    return "high" if overlap >= HIGH else "medium" if overlap >= MEDIUM else "low"
