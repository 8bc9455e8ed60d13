"""Faults that real servers and models show, so that every run meets them and the checks behind are exercised."""

import json
import random


def spoil(answer: dict, generator: random.Random) -> str:
    """`answer` as text with one fault, chosen at random."""
    return generator.choice(_FAULTS)(answer)


def _truncated(answer: dict) -> str:
    text = json.dumps(answer)
    return text[: len(text) * 2 // 3]


def _three_negatives(answer: dict) -> str:
    return json.dumps({**answer, "hard_negative_examples": answer["hard_negative_examples"][:3]})


def _levels_out_of_order(answer: dict) -> str:
    return json.dumps({**answer, "hard_negative_examples": answer["hard_negative_examples"][::-1]})


def _positive_repeats_query(answer: dict) -> str:
    return json.dumps({**answer, "positive_example": answer["query"]})


def _empty_text(answer: dict) -> str:
    return json.dumps({**answer, "query": " "})


def _refusal(_: dict) -> str:
    return "I'm sorry, but I can't help with that."


def _code_fence(answer: dict) -> str:
    return f"```json\n{json.dumps(answer)}\n```"


def _trailing_comma(answer: dict) -> str:
    return f"{json.dumps(answer).removesuffix('}')},}}"


_FAULTS = (
    *(_truncated, _three_negatives, _levels_out_of_order, _positive_repeats_query, _empty_text, _refusal),
    *(_code_fence, _trailing_comma),  # these two can be mended
)
