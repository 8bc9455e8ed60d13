"""Endless sequences in which every value comes as often as it should, and early enough."""

import random
from collections.abc import Iterable, Iterator
from itertools import count, islice
from typing import TypeVar

Value = TypeVar("Value")


def interleave(shares: dict[Value, float]) -> Iterator[Value]:
    """The keys of `shares` in the proportions of its values; none is ever more than one ahead of its share.

    Each place goes to the key that is furthest behind. The order is regular, so a key may always meet the same step of
    another cycle; `shuffle` where that matters.
    """
    total, given = sum(shares.values()), dict.fromkeys(shares, 0)
    for places in count(1):
        behind = {key: share / total * places - given[key] for key, share in shares.items()}
        chosen = max(behind, key=behind.get)
        given[chosen] += 1
        yield chosen


def shuffle(values: Iterable[Value], block: int, seed: int) -> Iterator[Value]:
    """`values` in an order that is random within each `block` of them, so that each block keeps its proportions."""
    generator, values = random.Random(seed), iter(values)
    while chunk := list(islice(values, block)):
        generator.shuffle(chunk)
        yield from chunk
