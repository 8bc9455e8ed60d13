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


_FAULTS = (_truncated, _three_negatives, _levels_out_of_order, _positive_repeats_query, _empty_text)
