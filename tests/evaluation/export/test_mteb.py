"""mteb runs an exported model, and knows what it is."""

import json
import warnings

import mteb
import pytest
from mteb.models import ModelMeta, SentenceTransformerEncoderWrapper
from mteb.results import TaskResult

from stages.encoder import EncoderConfig
from stages.evaluation.export.facts import META_FILE
from stages.evaluation.models.meta import hash_of_weights
from stages.evaluation.tasks import OWN_TASKS
from tests.evaluation.export.test_embeddings import APART

OPTIONS = {
    "cache": None,
    "co2_tracker": False,
    "show_progress_bar": False,
    "encode_kwargs": {"batch_size": 128, "show_progress_bar": False},
}


@pytest.fixture
def ata(shared):
    return shared(EncoderConfig("ata", "bidirectional", **APART))


@pytest.fixture
def few(held_out):
    """A third of the held-out documents: enough for a task."""
    return held_out[::3]


def described(exported):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return ModelMeta.model_validate_json_resolved((exported.export.folder / META_FILE).read_text())


def test_model_is_evaluated_and_its_results_are_mtebs_and_bear_its_name(ata, few, tmp_path):
    encoder = SentenceTransformerEncoderWrapper(ata.load())
    encoder.mteb_model_meta = described(ata)
    results = mteb.evaluate(encoder, OWN_TASKS["DocsSTS"](few), **OPTIONS)
    assert (results.model_name, results.model_revision) == ("mgh-ata-embeddings/model", described(ata).revision)
    results.task_results[0].to_disk(tmp_path / "result.json")
    loaded = TaskResult.from_disk(tmp_path / "result.json")
    assert loaded.task_name == "DocsSTS"
    assert -1 <= loaded.get_score() <= 1


def test_queries_get_the_prompt_and_documents_none(ata, few, monkeypatch):
    model, seen = ata.load(), set()
    preprocess = model[0].preprocess

    def watched(_, texts, prompt=None, **_own):
        seen.add(prompt)
        return preprocess(texts, prompt)

    monkeypatch.setattr(type(model[0]), "preprocess", watched)
    mteb.evaluate(model, OWN_TASKS["DocsRetrieval"](few), **OPTIONS)
    assert seen == {model.prompts["query"], ""}


def test_metadata_is_filled_in(ata):
    meta = described(ata)
    assert meta.name == "mgh-ata-embeddings/model"
    assert meta.revision == hash_of_weights(ata.export.folder.parent / "encoder")
    assert meta.n_parameters == sum(weights.numel() for weights in ata.encoder.parameters())
    assert meta.n_embedding_parameters == 320 * 32
    assert meta.memory_usage_mb == pytest.approx(meta.n_parameters * 4 / 2**20, abs=1e-6)
    assert (meta.embed_dim, meta.max_tokens, meta.similarity_fn_name) == (32, 96, "cosine")
    assert (meta.languages, meta.license, meta.use_instructions) == (["eng-Latn"], None, True)
    assert meta.framework == ["Sentence Transformers", "PyTorch", "safetensors"]


def test_what_mteb_takes_from_the_model_itself_is_right(ata):
    meta = ModelMeta.from_sentence_transformer_model(ata.load(), fill_missing=None)
    assert (meta.embed_dim, meta.max_tokens, meta.similarity_fn_name) == (32, 96, "cosine")
    settings = json.loads((ata.export.folder / "sentence_bert_config.json").read_text())
    assert settings["max_seq_length"] == 96
