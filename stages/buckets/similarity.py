"""Similarity of the four negatives to their query and to their positive, and what it says about the data."""

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from stages.buckets.scorer import Scorer, Vectors, cosine_rows
from stages.shared.records import BUCKETS, Sample

BINS = 25


@dataclass(frozen=True, slots=True)
class Similarities:
    """Cosines of n samples, N1 first."""

    to_query: np.ndarray  # (n, 4)
    to_positive: np.ndarray  # (n, 4)
    queries: Vectors  # (n, D)

    def select(self, kept: np.ndarray) -> "Similarities":
        """The samples at which `kept` (n,) is true."""
        return Similarities(self.to_query[kept], self.to_positive[kept], self.queries[kept])


def measure(samples: list[Sample], scorer: Scorer) -> Similarities:
    """Embed all texts of `samples` and compare each negative with its own query and positive."""
    columns = [[row.query for row in samples], [row.positive for row in samples]]
    columns += [[row.negatives[level] for row in samples] for level in range(len(BUCKETS))]
    vectors = scorer([text for column in columns for text in column])
    count = len(samples)
    query, positive, *negatives = (vectors[start * count : (start + 1) * count] for start in range(len(columns)))
    return Similarities(
        to_query=np.stack([cosine_rows(query, negative) for negative in negatives], axis=1),
        to_positive=np.stack([cosine_rows(positive, negative) for negative in negatives], axis=1),
        queries=query,
    )


def inversion_rate(similarity: np.ndarray) -> float:
    """The share of pairs of levels whose easier negative is the more similar one: (n, 4) -> scalar, 0.5 is chance."""
    pairs = list(combinations(range(similarity.shape[1]), 2))
    return float(np.mean([similarity[:, easier] > similarity[:, harder] for harder, easier in pairs]))


def summarise(similarities: Similarities) -> dict:
    """Mean similarity by level and inversion rate, to the query and to the positive."""
    anchors = {"query": similarities.to_query, "positive": similarities.to_positive}
    return {
        "similarity": {
            anchor: dict(zip(BUCKETS, map(float, values.mean(axis=0)), strict=True))
            for anchor, values in anchors.items()
        },
        "inversion_rate": {anchor: inversion_rate(values) for anchor, values in anchors.items()},
    }


def histogram(similarities: Similarities) -> list[dict]:
    """Rows of `similarity` (middle of the bin) and the share of each level's negatives in it, to the positive."""
    edges = np.linspace(0, 1, BINS + 1)
    # Rounding may leave a cosine a little outside.
    counts = [np.histogram(column.clip(0, 1), edges)[0] for column in similarities.to_positive.T]
    shares = np.array(counts) / len(similarities.to_positive)
    middles = (edges[:-1] + edges[1:]) / 2
    return [
        {"similarity": round(float(middle), 4)}
        | {level: round(float(shares[row, column]), 6) for row, level in enumerate(BUCKETS)}
        for column, middle in enumerate(middles)
    ]
