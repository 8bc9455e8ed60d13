"""An exported model gives the encoder's embeddings, for every pooling, however its texts are padded and prompted."""

import shutil

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer
from transformers import AutoTokenizer

from stages.encoder import Encoder, EncoderConfig
from stages.encoder.tokens import instructed
from stages.evaluation.export.layout import INSTRUCTION
from stages.evaluation.export.write import write_export

CLOSE = 1e-6  # cosine distance

PLAIN = {"instructions": False}
POOLED = {"instructions": True, "pool_instructions": True}
APART = {"instructions": True, "pool_instructions": False}
LATENT = {"latent_size": 8, "latent_heads": 4}


def distance(first, second):
    """The largest cosine distance of two rows."""
    first, second = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (first.astype(float), second.astype(float)))
    return np.max(1 - (first * second).sum(axis=1))


CONFIGS = {
    f"{pooling}-{score}-{attention}-{name}": EncoderConfig(
        pooling, attention, ata_score=score, **(LATENT if pooling == "latent" else {}), **prompts
    )
    for pooling, score, attention, name, prompts in (
        ("mean", "log1p", "bidirectional", "plain", PLAIN),
        ("mean", "log1p", "bidirectional", "apart", APART),
        ("mean", "log1p", "causal", "plain", PLAIN),
        ("mean", "log1p", "causal", "pooled", POOLED),
        ("last", "log1p", "bidirectional", "plain", PLAIN),
        ("last", "log1p", "causal", "apart", APART),
        ("latent", "log1p", "bidirectional", "apart", APART),
        ("latent", "log1p", "causal", "pooled", POOLED),
        ("ata", "log1p", "bidirectional", "plain", PLAIN),
        ("ata", "log1p", "bidirectional", "apart", APART),
        ("ata", "log1p", "causal", "plain", PLAIN),
        ("ata", "log1p", "causal", "pooled", POOLED),
        ("ata", "linear", "bidirectional", "apart", APART),
        ("ata", "linear", "causal", "plain", PLAIN),
    )
}


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_embeddings_are_the_encoders(shared, texts_of_all_lengths, config):
    exported = shared(config)
    model, texts = exported.load(), texts_of_all_lengths
    instruction = INSTRUCTION if config.instructions else ""
    assert model.prompts["query"] == instructed(instruction)
    documents, queries = exported.ours(texts), exported.ours(texts, instruction)
    for side in ("right", "left"):
        model.tokenizer.padding_side = side
        assert distance(model.encode_document(texts, batch_size=5), documents) < CLOSE
        assert distance(model.encode_query(texts, batch_size=5), queries) < CLOSE
    # Without padding there is no mask, and the direction of attention comes from elsewhere.
    alone = model.encode(texts[:3], batch_size=1)
    assert distance(alone, documents[:3]) < CLOSE
    assert np.abs(np.linalg.norm(alone, axis=1) - 1).max() < 1e-6


def test_direction_of_attention_and_ways_of_pooling_differ(shared, texts_of_all_lengths):
    """What the test above would not see if all of them were the same."""
    configs = [
        EncoderConfig(*shape, **PLAIN) for shape in (("mean", "causal"), ("mean", "bidirectional"), ("ata", "causal"))
    ]
    configs += [EncoderConfig("ata", "causal", ata_score="linear")]
    embeddings = [shared(config).load().encode(texts_of_all_lengths) for config in configs]
    for i, first in enumerate(embeddings):
        assert all(distance(first, second) > 1e-5 for second in embeddings[i + 1 :])


@pytest.mark.parametrize("pooling", ["mean", "ata"])
def test_any_prompt_takes_the_instructions_place(shared, texts_of_all_lengths, pooling):
    exported = shared(EncoderConfig(pooling, "bidirectional", **APART))
    texts = texts_of_all_lengths
    found = exported.load().encode(texts, prompt=instructed("Name the graph"))
    assert distance(found, exported.ours(texts, "Name the graph")) < CLOSE
    assert distance(found, exported.ours(texts, INSTRUCTION)) > 1e-5


@pytest.mark.parametrize("side", ["left", "right"])
def test_backbone_that_pads_on_the_left_is_exported_too(export, backbone, tmp_path, texts_of_all_lengths, side):
    other = shutil.copytree(backbone, tmp_path / "padded")
    tokenizer = AutoTokenizer.from_pretrained(other / "model", padding_side=side)
    tokenizer.save_pretrained(other / "model")
    exported = export(EncoderConfig("last", "causal"), on=other)
    assert exported.encoder.tokenizer.padding_side == side
    assert distance(exported.load().encode(texts_of_all_lengths), exported.ours(texts_of_all_lengths)) < CLOSE


def test_texts_are_cut_where_the_evaluation_cuts_them_unless_the_user_says_otherwise(shared, texts_of_all_lengths):
    for pooling in ("mean", "ata"):
        exported = shared(EncoderConfig(pooling, "bidirectional", **PLAIN))
        model = exported.load()
        assert model.max_seq_length == 96
        model.max_seq_length = 12
        found = model.encode(texts_of_all_lengths)
        assert distance(found, exported.ours(texts_of_all_lengths, max_length=12)) < CLOSE
        assert distance(found, exported.ours(texts_of_all_lengths)) > 1e-5


def test_weights_in_bfloat16_are_exported_in_bfloat16(backbone, settings_of, tmp_path, texts_of_all_lengths):
    config = EncoderConfig("mean", "causal")
    encoder = Encoder.from_backbone(backbone, config, dtype=torch.bfloat16)
    encoder.save(tmp_path / "encoder")
    written = write_export(tmp_path / "encoder", tmp_path / "model", settings_of(config), backbone=backbone)
    assert written.facts.dtype == "bfloat16"
    model = SentenceTransformer(written.folder.as_posix(), device="cpu", local_files_only=True)
    assert model.dtype == torch.bfloat16
    ours = encoder.encode(texts_of_all_lengths, chunk_tokens=256, max_length=96)
    assert distance(model.encode(texts_of_all_lengths), ours) < 1e-3
