"""Latent attention pooling: NV-Embed's definition, and weights that start, train and travel with the encoder."""

import math

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from stages.encoder import Encoder, EncoderConfig
from stages.encoder.encoder import LATENT_FILE
from stages.encoder.latent import LatentAttention
from stages.shared.errors import UserError
from stages.shared.settings import Lora

HIDDEN, SIZE, HEADS = 12, 7, 3
MASK = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0], [0, 0, 0, 1, 1], [0, 0, 1, 0, 0]])
CONFIG = EncoderConfig("latent", "bidirectional")


@pytest.fixture
def pooling():
    """Pooling whose norms, too, have weights that are not at their start."""
    module = LatentAttention(HIDDEN, size=SIZE, heads=HEADS, seed=0)
    for index, weights in enumerate(module.parameters()):
        generator = torch.Generator().manual_seed(index)
        weights.data += 0.3 * torch.randn(weights.shape, generator=generator)
    return module


@pytest.fixture
def states():
    """Hidden states (4, 5, 12)."""
    return torch.randn(4, 5, HIDDEN, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def latent_encoder(backbone):
    """`latent_encoder(seed)` on the tiny backbone."""
    return lambda seed=0: Encoder.from_backbone(backbone, CONFIG, seed=seed).eval()


def encode(encoder, texts, batch_size=8):
    return encoder.encode(texts, chunk_tokens=48 * batch_size, max_length=48)


def by_hand(weights, states, mask):
    """The definition in double precision, token by token and head by head."""
    weights = {name: tensor.double().numpy() for name, tensor in weights.items()}

    def norm(vector, name):
        centred = vector - vector.mean()
        scale = np.sqrt((centred**2).mean() + 1e-5)
        return centred / scale * weights[f"{name}.weight"] + weights[f"{name}.bias"]

    def gelu(vector):
        return np.array([x * (1 + math.erf(x / math.sqrt(2))) / 2 for x in vector])

    def pool_token(state):
        latents = [norm(latent, "latent_norm") for latent in weights["latents"]]
        query = weights["query.weight"] @ norm(state, "state_norm")
        keys = np.array([weights["key.weight"] @ latent for latent in latents])
        values = np.array([weights["value.weight"] @ latent for latent in latents])
        found, width = np.zeros(HIDDEN), HIDDEN // HEADS
        for start in range(0, HIDDEN, width):
            head = slice(start, start + width)
            exponents = np.exp(keys[:, head] @ query[head] / math.sqrt(width))
            found[head] = exponents / exponents.sum() @ values[:, head]
        state = state + weights["output.weight"] @ found
        inner = weights["expand.weight"] @ norm(state, "mixed_norm") + weights["expand.bias"]
        gated = inner[: 4 * HIDDEN] * gelu(inner[4 * HIDDEN :])
        return state + weights["contract.weight"] @ gated + weights["contract.bias"]

    rows = zip(states.double().numpy(), mask.bool().numpy(), strict=True)
    return torch.tensor(np.array([np.mean([pool_token(state) for state in row[real]], axis=0) for row, real in rows]))


@torch.no_grad()
def test_value_is_the_definition(pooling, states):
    expected = by_hand(pooling.state_dict(), states, MASK)
    given = pooling(states, MASK)
    assert given.shape == (4, HIDDEN)
    torch.testing.assert_close(given.double(), expected, rtol=0, atol=1e-5)
    torch.testing.assert_close(pooling.double()(states.double(), MASK), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("poison", [float("nan"), float("inf"), 1e30])
def test_padding_may_hold_anything_and_changes_neither_value_nor_gradient(pooling, states, poison):
    results = []
    for padding in (0.0, poison):
        given = states.masked_fill(~MASK.bool()[:, :, None], padding).requires_grad_()
        embeddings = pooling(given, MASK)
        results.append([embeddings, *torch.autograd.grad(embeddings.square().sum(), [given, *pooling.parameters()])])
    for clean, poisoned in zip(*results, strict=True):
        assert torch.equal(clean, poisoned)


def test_gradient_reaches_every_weight_and_every_real_token(pooling, states):
    given = states.requires_grad_()
    pooling(given, MASK).square().sum().backward()
    for name, weights in pooling.named_parameters():
        reached = weights.grad.abs().sum(dim=tuple(range(1, weights.dim()))) > 0  # row by row
        assert reached.all(), name
    assert torch.equal(given.grad.abs().sum(dim=-1) > 0, MASK.bool())


def test_batch_of_one_and_of_eight_give_the_same_embedding(latent_encoder, ragged_texts):
    encoder = latent_encoder()
    np.testing.assert_allclose(encode(encoder, ragged_texts, 1), encode(encoder, ragged_texts, 8), rtol=0, atol=1e-5)


def test_fresh_weights_are_a_function_of_the_seed_and_draw_nothing_from_the_global_state(latent_encoder):
    states, weights = [], []
    for noise in (1, 2):
        torch.manual_seed(noise)
        before = torch.get_rng_state()
        weights.append(latent_encoder(seed=5).latent.state_dict())
        states.append(torch.equal(before, torch.get_rng_state()))
    assert states == [True, True]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    assert not torch.equal(weights[0]["latents"], latent_encoder(seed=6).latent.latents)


def test_fresh_weights_have_the_spread_of_torchs_own_layers():
    module = LatentAttention(64, size=512, heads=8, seed=0)
    assert module.latents.std().item() == pytest.approx(1, abs=0.02)
    for name in ("query", "key", "value", "output", "expand", "contract"):
        layer, own = getattr(module, name), torch.nn.Linear(getattr(module, name).in_features, 512)
        assert layer.weight.std().item() == pytest.approx(own.weight.std().item(), rel=0.03)
        assert layer.weight.abs().max() <= layer.in_features**-0.5


@pytest.mark.parametrize(
    ("hidden_size", "heads", "allowed"),
    [(12, 8, "1, 2, 3, 4, 6, 12"), (12, 24, "1, 2, 3, 4, 6, 12"), (32, 7, "1, 2, 4, 8, 16, 32")],
)
def test_heads_that_do_not_divide_the_hidden_size_are_told_with_both_and_those_that_do(hidden_size, heads, allowed):
    with pytest.raises(UserError) as caught:
        LatentAttention(hidden_size, size=SIZE, heads=heads, seed=0)
    assert f"latent.heads={heads} does not divide the model's hidden size of {hidden_size}" in str(caught.value)
    assert f"to one of {allowed}" in str(caught.value)


def test_committed_settings_fit_the_tiny_backbone(settings):
    assert settings.profile.backbone.hidden_size % settings.params.latent.heads == 0


def test_weights_stay_float32_over_a_bfloat16_model(latent_encoder, texts):
    encoder = latent_encoder()
    expected = encode(encoder, texts)
    encoder.model.to(torch.bfloat16)
    assert {weights.dtype for weights in encoder.latent.parameters()} == {torch.float32}
    cosines = (encode(encoder, texts) * expected).sum(axis=1)
    assert cosines.min() > 0.999


def test_other_poolings_have_no_weights_and_no_file(encoder_of, tmp_path):
    encoder = encoder_of("mean", "causal")
    encoder.save(tmp_path)
    assert not any("latent" in name for name, _ in encoder.named_parameters())
    assert not (tmp_path / LATENT_FILE).exists()


def test_adapters_leave_the_pooling_trainable(latent_encoder):
    encoder = latent_encoder()
    encoder.add_lora(Lora(rank=2, alpha=4, dropout=0.0))
    assert all(weights.requires_grad for weights in encoder.latent.parameters())


def test_trained_weights_are_those_that_come_back(latent_encoder, texts, tmp_path):
    encoder = latent_encoder()
    for weights in encoder.latent.parameters():
        weights.data += 0.1
    trained = encode(encoder, texts)
    encoder.save(tmp_path)
    assert np.array_equal(encode(Encoder.load(tmp_path), texts), trained)
    assert np.abs(encode(latent_encoder(), texts) - trained).max() > 1e-3


def damage(path, how):
    weights = load_file(path)
    if how == "missing":
        path.unlink()
    elif how == "cut":
        path.write_bytes(path.read_bytes()[:100])
    elif how == "shape":
        save_file({**weights, "latents": weights["latents"][:5].clone()}, path)
    elif how == "absent":
        save_file({name: tensor for name, tensor in weights.items() if name != "key.weight"}, path)
    elif how == "unknown":
        save_file({**weights, "more": torch.zeros(2)}, path)


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ("missing", "does not exist"),
        ("cut", "is not a safetensors file"),
        ("shape", "the shape of latents is (5, 32), encoder.json needs (512, 32)"),
        ("absent", "the shape of key.weight is missing, encoder.json needs (32, 32)"),
        ("unknown", "the shape of more is (2,), encoder.json needs no such tensor"),
    ],
)
def test_bad_file_of_weights_is_told_with_its_name_and_what_to_do(latent_encoder, tmp_path, how, told):
    latent_encoder().save(tmp_path)
    damage(tmp_path / LATENT_FILE, how)
    with pytest.raises(UserError) as caught:
        Encoder.load(tmp_path)
    assert f"{tmp_path / LATENT_FILE}" in str(caught.value)
    assert told in str(caught.value)
    assert "dvc repro training" in str(caught.value)
