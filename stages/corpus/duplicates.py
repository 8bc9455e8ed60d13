"""Exact and near duplicates, over held-out and training texts together."""

from datasketch import MinHash, MinHashLSH
from tqdm import tqdm

from stages.shared.records import Document
from stages.shared.text import normalised

PERMUTATIONS = 64
SHINGLE = 3  # words


def drop_duplicates(documents: list[Document], threshold: float) -> tuple[list[Document], dict[str, int]]:
    """Keep the first of each set of duplicates; put what must win (held-out documents) first.

    Exact: equal words in the summary, or in the body. Near: estimated Jaccard similarity of the bodies' word
    3-grams at least `threshold` (MinHash, Broder 1997).

    Returns:
        The kept documents in order, and how many were dropped for each reason.
    """
    index = MinHashLSH(threshold=threshold, num_perm=PERMUTATIONS)
    seen: set[str] = set()
    kept: list[Document] = []
    dropped = {"duplicate_summary": 0, "duplicate_body": 0, "near_duplicate": 0}
    sketches = MinHash.generator(map(_shingles, (row.body for row in documents)), num_perm=PERMUTATIONS, seed=1)
    for document, sketch in tqdm(
        zip(documents, sketches, strict=True), total=len(documents), desc="duplicates", disable=None
    ):
        summary, body = normalised(document.summary), normalised(document.body)
        if summary in seen:
            dropped["duplicate_summary"] += 1
        elif body in seen:
            dropped["duplicate_body"] += 1
        elif index.query(sketch):
            dropped["near_duplicate"] += 1
        else:
            seen |= {summary, body}
            index.insert(document.id, sketch, check_duplication=False)
            kept.append(document)
    return kept, dropped


def _shingles(text: str) -> list[bytes]:
    words = normalised(text).split()
    return [" ".join(words[start : start + SHINGLE]).encode() for start in range(max(1, len(words) - SHINGLE + 1))]
