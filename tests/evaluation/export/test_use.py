"""What users do with a model of sentence-transformers they can do with an exported one."""

import pickle

import numpy as np
import pytest
import torch
from datasets import Dataset
from sentence_transformers import (
    SentenceTransformer,
    SentenceTransformerTrainer,
    SentenceTransformerTrainingArguments,
)
from sentence_transformers.sentence_transformer.losses import CachedMultipleNegativesRankingLoss
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from stages.encoder import Encoder, EncoderConfig
from stages.evaluation.export.layout import INSTRUCTION
from tests.evaluation.export.test_embeddings import APART, CLOSE, LATENT, distance

TEXTS = ["fit a graph", "Compute the score of a matrix in place.", "token"]

STOCK = EncoderConfig("mean", "bidirectional")
ATA = EncoderConfig("ata", "bidirectional", **APART)
OWN_WEIGHTS = EncoderConfig("latent", "causal", **LATENT, **APART)


@pytest.fixture
def ata(shared):
    return shared(ATA)


def test_code_is_not_run_without_trust_and_not_needed_for_mean_pooling(shared, ata):
    with pytest.raises(ValueError, match="trust_remote_code=True"):
        SentenceTransformer(ata.path, device="cpu", local_files_only=True)
    stock = shared(STOCK)
    assert not list(stock.export.folder.glob("*.py"))
    assert len(SentenceTransformer(stock.path, device="cpu", local_files_only=True).encode("a")) == 32


@pytest.mark.parametrize("config", [STOCK, ATA, OWN_WEIGHTS], ids=["stock", "ata", "latent"])
def test_saved_again_it_is_the_same_model(shared, tmp_path, config):
    exported = shared(config)
    model = exported.load()
    # Room for the prompt; sentence-transformers caps its own module at the 64 positions of the tiny model.
    model.max_seq_length = 60 if config is STOCK else 80
    model.save_pretrained(tmp_path / "again")
    again = SentenceTransformer(str(tmp_path / "again"), device="cpu", trust_remote_code=True, local_files_only=True)
    assert again.max_seq_length == model.max_seq_length
    assert again.prompts == model.prompts
    assert np.array_equal(again.encode_query(TEXTS), model.encode_query(TEXTS))
    assert (tmp_path / "again/README.md").read_text() == (exported.export.folder / "README.md").read_text()


@pytest.mark.parametrize("config", [STOCK, ATA, OWN_WEIGHTS], ids=["stock", "ata", "latent"])
def test_dimension_similarity_and_truncated_embeddings(shared, config):
    model = shared(config).load()
    assert (model.get_embedding_dimension(), model.similarity_fn_name) == (32, "cosine")
    whole, part = model.encode(TEXTS), model.encode(TEXTS, truncate_dim=8, normalize_embeddings=True)
    cut = whole[:, :8] / np.linalg.norm(whole[:, :8], axis=1, keepdims=True)
    np.testing.assert_allclose(part, cut, atol=1e-6)
    tokens = model.encode(TEXTS, output_value="token_embeddings")
    assert [row.shape[1] for row in tokens] == [32] * 3


@pytest.mark.parametrize("config", [STOCK, ATA, OWN_WEIGHTS], ids=["stock", "ata", "latent"])
def test_runs_in_half_precision(shared, config):
    exported = shared(config)
    model = exported.load(model_kwargs={"dtype": "bfloat16"})
    assert model.dtype == torch.bfloat16
    found = model.encode(TEXTS)
    assert found.dtype == np.float32
    assert 1e-9 < distance(found, exported.ours(TEXTS)) < 1e-2


def test_what_the_user_says_of_model_and_tokenizer_is_heard(ata):
    options = {"config_kwargs": {"attention_dropout": 0.25}, "processor_kwargs": {"padding_side": "left"}}
    model = ata.load(**options)
    assert model.config.attention_dropout == 0.25
    assert model.tokenizer.padding_side == "left"
    assert distance(model.encode(TEXTS), ata.ours(TEXTS)) < CLOSE


def test_half_precision_embeddings_are_the_encoders_own(ata):
    """Which pools and normalises in float32, whatever the weights are."""
    encoder = Encoder.load(ata.export.folder.parent / "encoder", dtype=torch.bfloat16)
    ours = encoder.encode(TEXTS, chunk_tokens=10_000, max_length=96)
    assert distance(ata.load(model_kwargs={"torch_dtype": torch.bfloat16}).encode(TEXTS, batch_size=3), ours) < CLOSE


@pytest.mark.parametrize("config", [STOCK, ATA, OWN_WEIGHTS], ids=["stock", "ata", "latent"])
def test_fine_tuning_moves_every_weight(shared, tmp_path, config):
    model = shared(config).load()
    before = {name: weights.detach().clone() for name, weights in model.named_parameters()}
    prompt = "Instruct: Find\nQuery: " if config.instructions else ""
    arguments = SentenceTransformerTrainingArguments(
        output_dir=str(tmp_path / "training"),
        per_device_train_batch_size=4,
        max_steps=1,
        learning_rate=1e-2,
        prompts={"anchor": prompt},
        report_to="none",
        save_strategy="no",
        disable_tqdm=True,
        use_cpu=True,
    )
    SentenceTransformerTrainer(
        model=model,
        args=arguments,
        train_dataset=Dataset.from_dict({"anchor": ["a", "b", "c", "d"], "positive": ["an a", "a b", "a c", "a d"]}),
        loss=CachedMultipleNegativesRankingLoss(model, mini_batch_size=2),
    ).train()
    assert [name for name, weights in model.named_parameters() if torch.equal(weights, before[name])] == []


def test_copy_in_another_process_prepares_its_attention(ata, monkeypatch):
    """`encode(device=[...])` sends the model to new processes, where transformers' attention is as it always was."""
    model = ata.load()
    expected, sent = model.encode(TEXTS), pickle.dumps(model)
    monkeypatch.setitem(ALL_ATTENTION_FUNCTIONS._global_mapping, "sdpa", ALL_ATTENTION_FUNCTIONS["sdpa"].__wrapped__)
    assert np.array_equal(pickle.loads(sent).encode(TEXTS), expected)


def test_bad_input_is_told(ata):
    model = ata.load()
    with pytest.raises(ValueError, match="given dict, int; allowed: str"):
        model[0].preprocess([3, {"text": "a"}, "b"])
    with pytest.raises(ValueError, match="the prompt fills max_seq_length=96"):
        model.encode(TEXTS, prompt="long " * 200)
    with pytest.raises(ValueError, match="backend: given 'onnx'"):
        SentenceTransformer(ata.path, backend="onnx", trust_remote_code=True, local_files_only=True)


def test_empty_texts_have_an_embedding(export):
    exported = export(ATA)
    model = exported.load()
    assert distance(model.encode(["", "a"]), exported.ours(["", "a"])) < CLOSE
    assert distance(model.encode_query([""]), exported.ours([""], INSTRUCTION)) < CLOSE
    # Without special tokens nothing is left of them.
    for tokenizer in (model.tokenizer, exported.encoder.tokenizer):
        tokenizer._tokenizer.post_processor = None
    for texts in ([""], ["", "a matrix"]):
        assert distance(model.encode(texts), exported.ours(texts)) < CLOSE
