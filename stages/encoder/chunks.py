"""Texts of like length go through the model together: padding is then small, and memory is known in tokens."""

from itertools import pairwise

import numpy as np

PASS = 1 / 30  # what a pass through the model costs beside its tokens, as a part of the budget: fewer, fuller passes


def token_chunks(lengths: list[int], budget: int, *, multiple: int = 1) -> list[list[int]]:
    """Row numbers, longest rows first, in chunks of at most `budget` tokens, padding included.

    Of all ways to cut the sorted rows the one with the least tokens, padding and passes counted (by dynamic
    programming).

    Args:
        lengths: tokens of each row.
        budget: rows times longest row of a chunk; a longer row is a chunk of its own.
        multiple: the number of chunks is a multiple of this, for as many processes.

    Raises:
        ValueError: if there are fewer rows than `multiple`.
    """
    if len(lengths) < multiple > 1:
        raise ValueError(f"{len(lengths)} rows cannot be cut into {multiple} chunks")
    order = np.argsort(-np.array(lengths, dtype=np.int64), kind="stable")
    cuts = _cuts(np.array(lengths, dtype=np.int64)[order], budget)
    chunks = [order[start:stop].tolist() for start, stop in pairwise(cuts)]
    return _split(chunks, lengths, multiple)


def _cuts(lengths: np.ndarray, budget: int) -> list[int]:
    """Where chunks of rows, sorted by falling length, begin and end at the least cost."""
    count = len(lengths)
    cost, start = np.zeros(count + 1), np.zeros(count + 1, dtype=np.int64)
    first = 0  # of the rows that a chunk up to `stop` may begin with
    for stop in range(1, count + 1):
        while first < stop - 1 and (stop - first) * lengths[first] > budget:
            first += 1
        begins = np.arange(first, stop)
        costs = cost[first:stop] + (stop - begins) * lengths[first:stop] + PASS * budget
        best = int(costs.argmin())
        cost[stop], start[stop] = costs[best], first + best
    cuts = [count]
    while cuts[-1]:
        cuts.append(int(start[cuts[-1]]))
    return cuts[::-1]


def _split(chunks: list[list[int]], lengths: list[int], multiple: int) -> list[list[int]]:
    """The chunk with most tokens is halved until the number is right; single rows, if all are, are joined instead."""
    while extra := len(chunks) % multiple:
        largest = max(chunks, key=lambda chunk: (len(chunk) > 1, lengths[chunk[0]] * len(chunk)))
        if len(largest) == 1:
            return [*chunks[: -extra - 1], [row for chunk in chunks[-extra - 1 :] for row in chunk]]
        chunks.remove(largest)
        middle = (len(largest) + 1) // 2
        chunks += [largest[:middle], largest[middle:]]
        chunks.sort(key=lambda chunk: -lengths[chunk[0]])
    return chunks
