"""Samples that would teach the wrong thing, each with the reason why it is dropped."""

import numpy as np
from scipy import sparse

from stages.buckets.scorer import Vectors
from stages.buckets.similarity import Similarities
from stages.shared.records import BUCKETS, Document, Dropped, Sample
from stages.shared.text import normalised

REASONS = ("evaluation_overlap", "false_negative", "near_duplicate")
BLOCK = 1024  # queries compared at a time, so that memory grows with their number and not with its square


def drop(
    samples: list[Sample],
    held_out: list[Document],
    similarities: Similarities,
    *,
    false_negative: float,
    duplicate: float,
) -> list[Dropped]:
    """One row for each sample that must go, with the first of `REASONS` that applies.

    evaluation_overlap: its query or positive is a held-out text. false_negative: a negative is at least
    `false_negative` similar to the positive. near_duplicate: its query is at least `duplicate` similar to that of an
    earlier kept sample.
    """
    evaluation = {normalised(text) for row in held_out for text in (row.summary, row.body)}
    dropped: dict[int, Dropped] = {}
    for index, sample in enumerate(samples):
        if normalised(sample.query) in evaluation or normalised(sample.positive) in evaluation:
            dropped[index] = Dropped(sample.id, "evaluation_overlap", "query or positive is a held-out text")
            continue
        level = int(similarities.to_positive[index].argmax())
        if (cosine := float(similarities.to_positive[index, level])) >= false_negative:
            dropped[index] = Dropped(sample.id, "false_negative", f"{BUCKETS[level]} to positive: {cosine:.3f}")
    for index, earlier, cosine in _near_duplicates(similarities.queries, set(dropped), duplicate):
        dropped[index] = Dropped(
            sample_id=samples[index].id, reason="near_duplicate", detail=f"{samples[earlier].id}: {cosine:.3f}"
        )
    return [dropped[index] for index in sorted(dropped)]


def _near_duplicates(queries: Vectors, gone: set[int], threshold: float) -> list[tuple[int, int, float]]:
    """(later, earlier, cosine) for each row that is too similar to an earlier one that stays."""
    gone, found = set(gone), []
    for start in range(0, queries.shape[0], BLOCK):
        end = min(start + BLOCK, queries.shape[0])
        product = queries[start:end] @ queries[:end].T
        close = sparse.coo_array(product * (product >= threshold))
        for row, earlier, cosine in sorted(zip(*close.coords, close.data, strict=True)):
            later = start + int(row)
            if earlier < later and later not in gone and int(earlier) not in gone:
                gone.add(later)
                found.append((later, int(earlier), float(cosine)))
    return found


def false_negative_rate(similarities: Similarities, threshold: float) -> float:
    """The share of negatives at least `threshold` similar to their positive."""
    return float(np.mean(similarities.to_positive >= threshold))
