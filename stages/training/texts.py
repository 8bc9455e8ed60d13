"""The texts of one batch, and which of them must not count as negatives of which query.

Shapes: B queries, each with a positive; M graded negatives; T = 2 B + M texts.
"""

from dataclasses import dataclass

import numpy as np

from stages.shared.records import TrainingSample


@dataclass(frozen=True)
class Texts:
    """The texts of a batch, queries first, then positives, then graded negatives."""

    ids: list[str]  # (B,), of the samples
    texts: list[str]  # (T,)
    instructions: list[str]  # (T,), "" for documents
    queries: int  # B
    owner: np.ndarray  # (M,): the query that each graded negative was written for
    same: np.ndarray  # (B, B + M): documents that are no negatives of a query, for all their text tells


def batch_texts(samples: list[TrainingSample], levels: tuple[int, ...]) -> Texts:
    """The texts of `samples` with the graded negatives of `levels`; samples without any bring in-batch ones alone.

    A document is no negative of a query if it equals its positive, or if it is the positive of an equal query.
    """
    queries = [sample.query for sample in samples]
    positives = [sample.positive for sample in samples]
    graded = [
        (row, sample.negatives[level]) for level in levels for row, sample in enumerate(samples) if sample.negatives
    ]
    negatives = [text for _, text in graded]
    query_ids, document_ids = _numbered(queries), _numbered([*positives, *negatives])
    same = document_ids[: len(samples), None] == document_ids[None, :]
    same[:, : len(samples)] |= query_ids[:, None] == query_ids[None, :]
    np.fill_diagonal(same, False)
    instructions = [sample.instruction for sample in samples] + [""] * (len(positives) + len(negatives))
    owner = np.array([row for row, _ in graded], dtype=np.int64)
    ids = [sample.id for sample in samples]
    return Texts(ids, [*queries, *positives, *negatives], instructions, len(samples), owner, same)


def _numbered(texts: list[str]) -> np.ndarray:
    """A number for each text, the same one for equal texts."""
    numbers: dict[str, int] = {}
    return np.array([numbers.setdefault(text, len(numbers)) for text in texts])
