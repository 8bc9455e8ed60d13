"""Encoders on disk, and low-rank adapters that are merged on the way there."""

import json

import numpy as np
import pytest
import torch

from stages.encoder import Encoder, EncoderConfig
from stages.shared.errors import UserError
from stages.shared.settings import Lora

LORA = Lora(rank=2, alpha=4, dropout=0.0)


def encode(encoder, texts):
    return encoder.encode(texts, batch_size=8, max_length=48)


@pytest.mark.parametrize("attention", ["bidirectional", "causal"])
@pytest.mark.parametrize("pooling", ["mean", "last", "latent", "ata"])
def test_saved_encoder_comes_back_with_the_same_embeddings(encoder_of, texts, tmp_path, pooling, attention):
    encoder = encoder_of(pooling, attention)
    encoder.save(tmp_path / "encoder")
    loaded = Encoder.load(tmp_path / "encoder")
    assert loaded.config == EncoderConfig(pooling, attention)
    assert np.array_equal(encode(loaded, texts), encode(encoder, texts))


@pytest.mark.parametrize("pooling", ["mean", "latent"])
def test_weights_are_stored_as_safetensors_and_nothing_as_a_pickle(encoder_of, tmp_path, pooling):
    encoder_of(pooling, "causal").save(tmp_path)
    suffixes = {path.suffix for path in tmp_path.rglob("*") if path.is_file()}
    assert suffixes == {".safetensors", ".json"}


@pytest.mark.parametrize(
    "config",
    [
        EncoderConfig("ata", "causal", ata_score="linear", ata_detach=True),
        EncoderConfig("latent", "causal", latent_size=5, latent_heads=4),
    ],
)
def test_variants_of_a_pooling_are_saved(backbone, tmp_path, config):
    Encoder.from_backbone(backbone, config).save(tmp_path)
    assert Encoder.load(tmp_path).config == config


def test_config_comes_from_the_params(settings):
    ata = settings.params.ata.model_copy(update={"score": "linear", "detach": True})
    latent = settings.params.latent.model_copy(update={"size": 64, "heads": 2})
    update = {"pooling": "ata", "attention": "causal", "ata": ata, "latent": latent}
    params = settings.params.model_copy(update=update)
    assert EncoderConfig.from_params(params) == EncoderConfig("ata", "causal", "linear", True, 64, 2)


@pytest.fixture
def adapted(encoder_of):
    """An ATA encoder with adapters that are not at their start, where they change nothing."""
    encoder = encoder_of("ata", "bidirectional")
    encoder.add_lora(LORA)
    generator = torch.Generator().manual_seed(0)
    for weights in encoder.parameters():
        if weights.requires_grad:
            weights.data = 0.3 * torch.randn(weights.shape, generator=generator)
    return encoder.eval()


def test_fresh_adapters_change_no_embedding(encoder_of, texts):
    encoder = encoder_of("ata", "bidirectional")
    before = encode(encoder, texts)
    encoder.add_lora(LORA)
    np.testing.assert_allclose(encode(encoder, texts), before, rtol=0, atol=1e-6)


def test_adapters_alone_are_trained_on_every_linear_layer(encoder_of):
    encoder = encoder_of("mean", "causal")
    encoder.add_lora(LORA)
    trained = {name for name, weights in encoder.named_parameters() if weights.requires_grad}
    assert all("lora_" in name for name in trained)
    assert len(trained) == 2 * 2 * 7  # two factors, two layers, seven linear layers each


def test_saving_merges_the_adapters(adapted, encoder_of, texts, tmp_path):
    before = encode(adapted, texts)
    adapted.save(tmp_path)
    assert not list(tmp_path.glob("adapter*"))
    np.testing.assert_allclose(encode(Encoder.load(tmp_path), texts), before, rtol=0, atol=1e-5)
    assert np.abs(encode(encoder_of("ata", "bidirectional"), texts) - before).max() > 1e-3


def test_encoder_stays_usable_after_its_adapters_were_merged(adapted, texts, tmp_path):
    before = encode(adapted, texts)
    adapted.save(tmp_path)
    np.testing.assert_allclose(encode(adapted, texts), before, rtol=0, atol=1e-5)


def message(load):
    with pytest.raises(UserError) as caught:
        load()
    return str(caught.value)


def test_missing_folder_is_told_with_the_stage_that_makes_it(tmp_path):
    assert f"{tmp_path}/encoder.json does not exist" in message(lambda: Encoder.load(tmp_path))
    assert "dvc repro training" in message(lambda: Encoder.load(tmp_path))
    config = EncoderConfig("mean", "causal")
    text = message(lambda: Encoder.from_backbone(tmp_path, config))
    assert f"{tmp_path}/backbone.json does not exist" in text
    assert "dvc repro backbone" in text


def test_folder_without_weights_is_told(tmp_path):
    (tmp_path / "backbone.json").write_text(json.dumps({"kind": "scratch"}))
    text = message(lambda: Encoder.from_backbone(tmp_path, EncoderConfig("mean", "causal")))
    assert f"cannot load the model {tmp_path}/model" in text


def test_truncated_weights_are_told(encoder_of, tmp_path):
    encoder_of("mean", "causal").save(tmp_path)
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    assert f"cannot load the model {tmp_path}" in message(lambda: Encoder.load(tmp_path))


def test_hub_model_out_of_reach_is_told_with_what_to_check(tmp_path):
    backbone = {"kind": "hub", "model": "owner/model", "revision": "abcdef0", "trust_remote_code": False}
    (tmp_path / "backbone.json").write_text(json.dumps(backbone))
    text = message(lambda: Encoder.from_backbone(tmp_path, EncoderConfig("mean", "causal")))
    assert "cannot load the model owner/model" in text
    assert "backbone.revision" in text
