"""Encoders on disk, and low-rank adapters that are merged on the way there."""

import json
import shutil
import warnings

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer, processors
from transformers import PreTrainedTokenizerFast

from stages.encoder import Encoder, EncoderConfig
from stages.shared.errors import UserError
from stages.shared.settings import Lora

LORA = Lora(rank=2, alpha=4, dropout=0.0)


def encode(encoder, texts):
    return encoder.encode(texts, chunk_tokens=256, max_length=48)


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
    training = settings.profile.training.model_copy(update={"instructions": True, "pool_instructions": False})
    expected = EncoderConfig("ata", "causal", "linear", True, 64, 2, instructions=True, pool_instructions=False)
    assert EncoderConfig.from_params(params, training) == expected


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


def test_adapters_are_made_and_read_without_a_warning(encoder_of, backbone, tmp_path):
    with warnings.catch_warnings():
        for category in (FutureWarning, UserWarning):
            warnings.simplefilter("error", category)
        encoder = encoder_of("mean", "causal")
        encoder.add_lora(LORA)
        encoder.save_copy(tmp_path, backbone)
        Encoder.load(tmp_path, backbone=backbone)


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
    backbone = {
        "kind": "hub",
        "model": "owner/model",
        "revision": "abcdef0",
        "trust_remote_code": False,
        "append_eos": False,
    }
    (tmp_path / "backbone.json").write_text(json.dumps(backbone))
    text = message(lambda: Encoder.from_backbone(tmp_path, EncoderConfig("mean", "causal")))
    assert "cannot load the model owner/model" in text
    assert "backbone.revision" in text


@pytest.mark.parametrize("append", [False, True])
def test_hub_backbone_ends_its_texts_if_it_says_so(append, tokenizer, encoder_of, tmp_path):
    encoder_of("mean", "causal").model.save_pretrained(tmp_path / "hub")
    bare = PreTrainedTokenizerFast(tokenizer_object=Tokenizer.from_str(tokenizer.backend_tokenizer.to_str()))
    bare.backend_tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    bare.add_special_tokens({"eos_token": tokenizer.eos_token})
    bare.save_pretrained(tmp_path / "hub")
    pinned = {"kind": "hub", "model": str(tmp_path / "hub"), "revision": "abcdef0", "trust_remote_code": False}
    (tmp_path / "backbone.json").write_text(json.dumps({**pinned, "append_eos": append}))
    encoder = Encoder.from_backbone(tmp_path, EncoderConfig("last", "causal"))
    assert (encoder.tokens(["a matrix"], 8).ids[0][-1] == tokenizer.eos_token_id) == append


@pytest.fixture
def own_backbone(backbone, tmp_path):
    """A copy of the tiny backbone that a test may change."""
    return shutil.copytree(backbone, tmp_path / "backbone")


def test_adapter_alone_comes_back_on_its_base(adapted, backbone, texts, tmp_path):
    before = encode(adapted, texts)
    adapted.save_copy(tmp_path / "copy", backbone)
    assert not (tmp_path / "copy/model.safetensors").exists()
    assert {path.suffix for path in (tmp_path / "copy").iterdir()} == {".json", ".safetensors"}
    loaded = Encoder.load(tmp_path / "copy", backbone=backbone)
    np.testing.assert_allclose(encode(loaded, texts), before, rtol=0, atol=1e-5)
    assert encode(adapted, texts) is not None  # saving a copy leaves the encoder as it was
    np.testing.assert_array_equal(encode(adapted, texts), before)


def test_whole_model_in_the_place_of_an_adapter_is_the_model_alone(adapted, encoder_of, backbone, texts, tmp_path):
    adapted.save_copy(tmp_path / "out", backbone)
    plain = encoder_of("mean", "causal")
    plain.save(tmp_path / "out")
    np.testing.assert_array_equal(
        encode(Encoder.load(tmp_path / "out", backbone=backbone), texts), encode(plain, texts)
    )


def test_adapter_for_another_base_is_refused_with_both_named(adapted, own_backbone, tmp_path):
    adapted.save_copy(tmp_path / "copy", own_backbone)
    weights = own_backbone / "model/model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    with pytest.raises(UserError, match=r"adapter for another base: it needs weights \w{12}, .* has weights \w{12}"):
        Encoder.load(tmp_path / "copy", backbone=own_backbone)


def test_copy_of_a_whole_model_is_in_bfloat16_and_nearly_the_same(encoder_of, texts, tmp_path):
    encoder = encoder_of("latent", "causal")
    before = encode(encoder, texts)
    encoder.save_copy(tmp_path)
    loaded = Encoder.load(tmp_path)
    stored = load_file(tmp_path / "model.safetensors")
    assert {tensor.dtype for tensor in stored.values()} == {torch.bfloat16}
    assert (encode(loaded, texts) * before).sum(axis=1).min() > 0.99
    np.testing.assert_array_equal(encode(encoder, texts), before)


def test_attention_implementation_that_is_not_installed_is_named(backbone):
    with pytest.raises(UserError, match="flash_attention_2 is not installed"):
        Encoder.from_backbone(backbone, EncoderConfig("mean", "causal"), attn_implementation="flash_attention_2")
    encoder = Encoder.from_backbone(backbone, EncoderConfig("mean", "causal"), attn_implementation="auto")
    assert encoder.model.config._attn_implementation in ("sdpa", "flash_attention_2", "flash_attention_3")
