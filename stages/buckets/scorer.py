"""Scorers that embed texts without having seen how a sample was made."""

from typing import Protocol

import numpy as np
from scipy import sparse

from stages.shared.errors import UserError

Vectors = np.ndarray | sparse.csr_array  # (texts, dimensions), rows of unit length


class Scorer(Protocol):
    def __call__(self, texts: list[str]) -> Vectors:
        """Embed all texts of the data set at once: unit-length rows, so that a product of two is their cosine."""


def load_scorer(name: str, device: str) -> Scorer:
    """ "tfidf", or any model that sentence-transformers loads. Raises UserError when it cannot be loaded."""
    if name == "tfidf":
        return tfidf
    from sentence_transformers import SentenceTransformer

    try:
        model = SentenceTransformer(name, device=device)
    except (OSError, ValueError) as error:
        raise UserError(
            f"buckets.scorer: cannot load {name!r}: {str(error).splitlines()[0]}",
            next="name tfidf, or a model that sentence-transformers loads (set runtime.offline: false for the Hub)",
        ) from error
    return lambda texts: model.encode(texts, normalize_embeddings=True, show_progress_bar=True)


def tfidf(texts: list[str]) -> sparse.csr_array:
    """TF-IDF of words and word pairs with sublinear counts, fitted on the texts themselves."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    return sparse.csr_array(TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True).fit_transform(texts))


def cosine_rows(left: Vectors, right: Vectors) -> np.ndarray:
    """The cosine of each row of `left` with the same row of `right`: (n, D), (n, D) -> (n,)."""
    if isinstance(left, sparse.csr_array):
        return np.asarray(left.multiply(right).sum(axis=1)).ravel()
    return np.einsum("nd,nd->n", left, right)
