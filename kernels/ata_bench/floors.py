"""The least that ATA pooling can cost on a machine: operations and bytes counted, then divided by its rates.

Counted is what any version without the N x N matrix in memory must do. Three units work at the same time, so the floor
is the largest of three times, never their sum:

- matrix products, 2 N^2 d operations each for a head. Forward: q k^T. Backward: q k^T again, and one each for the
  gradients of query and key.
- special functions: an exponential for each entry of each q k^T, and a logarithm (forward) or a reciprocal (backward)
  for each entry of log(1 + K a). A product of several factors 1 + K a shares one, as many as fit into float32.
- bytes: each input read once, each output written once.

A version that works in tiles, and never has a whole row of the matrix on the chip, must also make one more q k^T and
its exponentials: forward for the log-sum-exp, unless that is given; backward for each row's mean of the gradient of its
logits. That count is stated beside the floor.
"""

import math
from typing import NamedTuple

from ata_bench.shapes import Shape

FLOAT32 = 4  # bytes of a score, a log-sum-exp
MASK = 1  # byte


class Cost(NamedTuple):
    """What a call must do."""

    matrix: float  # operations, a multiplication and an addition counted as two
    special: float  # exponentials, logarithms, reciprocals
    bytes: float

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(*(mine + its for mine, its in zip(self, other, strict=True)))


class Rates(NamedTuple):
    """What a machine does in a second; `special` is None where it is not known."""

    matrix: float
    special: float | None
    bytes: float


class Floor(NamedTuple):
    """The least time in ms, and the unit that needs it."""

    ms: float
    bound: str


def forward(shape: Shape, itemsize: int, *, lse_given: bool = False, tiles: bool = False) -> Cost:
    """Of the pooled embeddings alone, nothing kept for gradients. `itemsize`: bytes of a number in the inputs."""
    entries = _entries(shape)
    passes = 2 if tiles and not lse_given else 1
    lse = shape.batch * shape.heads * shape.tokens * FLOAT32 if lse_given else 0
    return Cost(
        matrix=passes * 2 * entries * shape.size,
        special=passes * entries + entries / shared_factors(shape.tokens),
        bytes=_read(shape, itemsize) + lse + shape.batch * shape.hidden * itemsize,
    )


def backward(shape: Shape, itemsize: int, *, tiles: bool = False) -> Cost:
    """Of the gradients of query, key and hidden states, given that of the embeddings; the log-sum-exp has been kept."""
    entries = _entries(shape)
    passes = 2 if tiles else 1
    kept = (shape.batch * shape.heads * shape.tokens + shape.batch * shape.tokens) * FLOAT32  # log-sum-exp, scores
    written = _numbers(shape) * itemsize
    return Cost(
        matrix=(passes + 2) * 2 * entries * shape.size,
        special=passes * entries + entries / shared_factors(shape.tokens),
        bytes=_read(shape, itemsize) + kept + shape.batch * shape.hidden * itemsize + written,
    )


def costs(shape: Shape, itemsize: int, lse_given: bool) -> dict[str, Cost]:
    """By direction."""
    there, back = forward(shape, itemsize, lse_given=lse_given), backward(shape, itemsize)
    return {"forward": there, "backward": back, "forward+backward": there + back}


def floor(cost: Cost, rates: Rates) -> Floor:
    """The least time for `cost` at `rates`."""
    times = {unit: getattr(cost, unit) / rate for unit, rate in rates._asdict().items() if rate is not None}
    bound = max(times, key=times.get)
    return Floor(1000 * times[bound], bound)


def shared_factors(tokens: int) -> int:
    """How many factors of at most 1 + K, K = tokens, a float32 product holds: (1 + K)^f < 2^127."""
    return max(1, math.floor(127 / math.log2(1 + tokens)))


def _entries(shape: Shape) -> int:
    return shape.batch * shape.heads * shape.tokens**2


def _numbers(shape: Shape) -> int:
    """Of query, key and hidden states."""
    of_token = (shape.heads + shape.key_heads) * shape.size + shape.hidden
    return shape.batch * shape.tokens * of_token


def _read(shape: Shape, itemsize: int) -> int:
    return _numbers(shape) * itemsize + shape.batch * shape.tokens * MASK
