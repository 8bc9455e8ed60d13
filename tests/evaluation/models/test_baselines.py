"""What the trained encoder is shown beside."""

import numpy as np
import pytest
from mteb.models import EncoderProtocol, SearchProtocol
from sentence_transformers import SentenceTransformer
from sentence_transformers.models import Pooling, Transformer

from stages.evaluation.models.baselines import load_baseline
from stages.evaluation.models.hashed import HashedEmbedder
from stages.evaluation.models.tfidf import TfidfEmbedder
from stages.shared.errors import UserError


def test_tfidf_vectors_are_normalised_and_zero_without_a_known_word():
    vectors = TfidfEmbedder(["fit the graph", "fit the tree"])(["the graph graph", "unheard"], "").embeddings
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx([1, 0])


def test_tfidf_keeps_the_commonest_words_and_breaks_ties_by_the_alphabet(monkeypatch):
    monkeypatch.setattr("stages.evaluation.models.tfidf.FEATURES", 3)
    embedder = TfidfEmbedder(["zeta common delta", "common beta"])
    assert embedder.dimensions == 3
    known = embedder(["common", "beta", "delta", "zeta"], "").embeddings.sum(axis=1) > 0
    assert known.tolist() == [True, True, True, False]


def test_hashed_words_are_normalised_and_alike_where_words_are_shared():
    vectors = HashedEmbedder()(["fit the graph", "Fit the tree", "another", "?"], "").embeddings
    assert (vectors.shape, vectors.dtype) == ((4, 2048), np.float32)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx([1, 1, 1, 0])
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2]


@pytest.mark.usefixtures("outputs")
@pytest.mark.parametrize("name", ["tfidf", "hashed"])
def test_bag_of_words_is_an_encoder_of_mteb(settings, name):
    model = load_baseline(name, settings)
    assert isinstance(model, EncoderProtocol)
    assert model.mteb_model_meta.name == f"mgh-ata-embeddings/{name}"


def test_bm25_is_mtebs_and_searches_only(settings):
    model = load_baseline("bm25", settings)
    assert isinstance(model, SearchProtocol)
    assert not isinstance(model, EncoderProtocol)
    assert model.mteb_model_meta.name == "mteb/baseline-bm25s"


def test_folder_that_sentence_transformers_loads_is_a_baseline_named_by_its_content(backbone, settings, tmp_path):
    def saved(name, pooling):
        transformer = Transformer(str(backbone / "model"))
        parts = [transformer, Pooling(transformer.get_embedding_dimension(), pooling)]
        SentenceTransformer(modules=parts, device="cpu").save_pretrained(str(tmp_path / name))
        return load_baseline(str(tmp_path / name), settings).mteb_model_meta

    mean, again, last = saved("mean", "mean"), saved("mean", "mean"), saved("last", "lasttoken")
    assert mean.name == "local/mean"
    assert mean.revision == again.revision != last.revision


@pytest.mark.parametrize("name", ["no-such/model", "tests"])
def test_model_that_cannot_be_loaded_is_refused_with_what_may_stand_there(settings, name, tmp_path):
    given = str(tmp_path) if name == "tests" else name
    with pytest.raises(UserError, match=rf"evaluation\.baselines: {given} cannot be loaded") as caught:
        load_baseline(given, settings)
    assert "untrained, tfidf, hashed, bm25" in str(caught.value)
