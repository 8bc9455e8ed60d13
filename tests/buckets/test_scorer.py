import numpy as np
import pytest

from stages.buckets.scorer import cosine_rows, load_scorer, tfidf
from stages.shared.errors import UserError

TEXTS = ["a red apple falls", "a red apple falls", "green trees grow", "an apple grows"]


def test_tfidf_rows_have_unit_length_and_equal_texts_a_cosine_of_one():
    vectors = tfidf(TEXTS)
    assert np.asarray(vectors.multiply(vectors).sum(axis=1)).ravel() == pytest.approx(np.ones(4))
    assert cosine_rows(vectors[:3], vectors[1:]) == pytest.approx([1.0, 0.0, 0.0])


def test_cosine_rows_is_the_same_for_dense_and_sparse_vectors():
    vectors = tfidf(TEXTS)
    dense = vectors.toarray()
    assert cosine_rows(vectors[:2], vectors[2:]) == pytest.approx(cosine_rows(dense[:2], dense[2:]))


def test_a_model_folder_of_sentence_transformers_gives_unit_rows(tmp_path, backbone):
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.models import Pooling, Transformer

    transformer = Transformer(str(backbone / "model"))
    size = transformer.get_embedding_dimension()
    SentenceTransformer(modules=[transformer, Pooling(size)], device="cpu").save(str(tmp_path / "scorer"))
    vectors = load_scorer(str(tmp_path / "scorer"), "cpu")(TEXTS)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(4), abs=1e-5)
    assert vectors[0] == pytest.approx(vectors[1], abs=1e-5)


def test_a_model_out_of_reach_is_named_with_what_to_do():
    with pytest.raises(UserError, match=r"buckets\.scorer: cannot load 'nobody/nothing'") as error:
        load_scorer("nobody/nothing", "cpu")
    assert "tfidf" in str(error.value)
