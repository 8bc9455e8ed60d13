"""The three models behind mteb's interface."""

from dataclasses import replace

import numpy as np
import pytest
from mteb.models import EncoderProtocol
from mteb.types import PromptType

from stages.encoder import Encoder, EncoderConfig
from stages.evaluation import models
from stages.evaluation.tfidf import TfidfEmbedder
from stages.shared.errors import UserError


@pytest.fixture
def outputs(backbone, corpus, monkeypatch, tmp_path):
    """The outputs of the stages before this one, where the loaders look for them."""
    Encoder.from_backbone(backbone, EncoderConfig("last", "causal")).save(tmp_path / "encoder")
    monkeypatch.setattr(models, "BACKBONE", backbone)
    monkeypatch.setattr(models, "ENCODER", tmp_path / "encoder")
    monkeypatch.setattr(models, "TRAIN", corpus)


@pytest.mark.usefixtures("outputs")
def test_models_speak_mtebs_protocol_and_describe_themselves(settings):
    loaded = [load(settings) for load in (models.load_trained, models.load_untrained, models.load_tfidf)]
    assert all(isinstance(model, EncoderProtocol) for model in loaded)
    trained, untrained, tfidf = (model.mteb_model_meta for model in loaded)
    assert trained.experiment_kwargs == {"pooling": "last", "attention": "causal"}
    assert untrained.experiment_kwargs == {"pooling": "mean", "attention": "bidirectional"}
    assert trained.revision == untrained.revision != tfidf.revision  # equal weights: nothing was trained here
    assert trained.embed_dim == 32


@pytest.mark.usefixtures("outputs")
def test_untrained_latent_pooling_repeats_with_the_seed_of_the_run_and_counts_its_weights(settings, texts):
    def untrained(pooling, seed):
        params = settings.params.model_copy(update={"pooling": pooling, "seed": seed})
        model = models.load_untrained(replace(settings, params=params))
        embeddings = model.encode([{"text": texts[:3]}], task_metadata=None, hf_split="test", hf_subset="default")
        return model.mteb_model_meta.n_parameters, embeddings

    (count, first), (_, again), (_, other) = (untrained("latent", seed) for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert np.abs(first - other).max() > 1e-3
    assert count - untrained("mean", 0)[0] == 512 * 32 + 3 * 2 * 32 + 4 * 32**2 + (33 * 256 + 129 * 32)


@pytest.mark.usefixtures("outputs")
def test_missing_backbone_names_the_command(settings, monkeypatch, tmp_path):
    monkeypatch.setattr(models, "BACKBONE", tmp_path / "absent")
    with pytest.raises(UserError, match="dvc repro backbone"):
        models.load_trained(settings)


def test_tfidf_vectors_are_normalised_and_zero_without_a_known_word():
    vectors = TfidfEmbedder(["fit the graph", "fit the tree"])(["the graph graph", "unheard"])
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx([1, 0])


def test_tfidf_keeps_the_commonest_words_and_breaks_ties_by_the_alphabet(monkeypatch):
    monkeypatch.setattr("stages.evaluation.tfidf.FEATURES", 3)
    embedder = TfidfEmbedder(["zeta common delta", "common beta"])
    assert embedder.dimensions == 3
    assert (embedder(["common", "beta", "delta", "zeta"]).sum(axis=1) > 0).tolist() == [True, True, True, False]


def test_encoder_with_instructions_gets_the_tasks_on_everything_but_documents():
    import mteb

    seen = []

    def embed(texts, instruction):
        seen.append(instruction)
        return np.ones((len(texts), 2), dtype=np.float32)

    meta = models.model_meta("test", revision="0", embed_dim=2, framework=[])
    metadata = mteb.get_task("SciFact").metadata
    where = {"task_metadata": metadata, "hf_split": "test", "hf_subset": "default"}
    for used in (True, False):
        model = models.TextModel(embed, meta, instructions=used)
        model.remember(["a text"])
        for prompt_type in (PromptType.query, PromptType.document):
            model.encode([{"text": ["a text"]}], **where, prompt_type=prompt_type)
    # With instructions a query is embedded anew, documents are remembered; without, both are.
    assert seen == ["", metadata.prompt["query"], ""]
