"""A hashed bag of words, the baseline that has seen no text at all."""

import numpy as np
from sklearn.feature_extraction.text import HashingVectorizer

from stages.evaluation.models.embed import Embedded

BUCKETS = 2048


class HashedEmbedder:
    """Signed counts of words and word pairs in 2,048 buckets, L2-normalised: nothing is fitted, so it is the same
    for every task. A text without a word is the zero vector.
    """

    dimensions, revision = BUCKETS, f"{BUCKETS}-words-and-pairs"

    def __init__(self) -> None:
        self._vectorizer = HashingVectorizer(n_features=BUCKETS, ngram_range=(1, 2), dtype="float32")

    def __call__(self, texts: list[str], instruction: str) -> Embedded:  # noqa: ARG002 (a bag of words takes none)
        return Embedded(self._vectorizer.transform(texts).toarray(), np.zeros(len(texts), dtype=bool))
