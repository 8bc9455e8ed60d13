"""TF-IDF embeddings, the baseline that needs no model."""

from collections import Counter

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer

from stages.evaluation.models.embed import Embedded
from stages.shared.files import content_id

FEATURES = 4096  # dense embeddings of mteb's larger tasks must fit in memory


class TfidfEmbedder:
    """Called with texts, gives their dense L2-normalised float32 TF-IDF vectors (texts, FEATURES or fewer).

    A text without a known word is the zero vector, which is equally far from everything.
    """

    def __init__(self, texts: list[str]):
        analyse = TfidfVectorizer().build_analyzer()
        frequency = Counter(word for text in texts for word in set(analyse(text)))
        # sklearn's max_features breaks ties by an unstable sort, which differs between CPUs; here by the alphabet.
        words = sorted(sorted(frequency), key=lambda word: -frequency[word])[:FEATURES]
        self._vectorizer = TfidfVectorizer(vocabulary=sorted(words), sublinear_tf=True, dtype=np.float32).fit(texts)
        self.dimensions = len(words)
        self.revision = content_id(*texts)

    def __call__(self, texts: list[str], instruction: str) -> Embedded:  # noqa: ARG002 (a bag of words takes none)
        return Embedded(self._vectorizer.transform(texts).toarray(), np.zeros(len(texts), dtype=bool))
