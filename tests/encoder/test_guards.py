"""Encoders that are right pass; each way of being wrong is told."""

import pytest
import torch
from ata_pooling.models import forward
from peft import LoraConfig, get_peft_model
from tokenizers.processors import TemplateProcessing
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedTokenizerFast
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from stages.encoder import Encoder, EncoderConfig
from stages.encoder.guards import check_encoder
from stages.shared.errors import UserError
from tests.encoder.test_ata_in_models import FAMILIES, build

POOLINGS = ("mean", "last", "latent", "ata")
ATTENTIONS = ("bidirectional", "causal")
BACKENDS = ("sdpa", "stand_in")  # the second as FlashAttention would be: found by its name


def stand_in(module, *arguments, **options):
    return sdpa_attention_forward(module, *arguments, **options)


def without_mask(module, query, key, value, _, **options):
    return sdpa_attention_forward(module, query, key, value, None, **options)


def always_causal(module, query, key, value, mask, **options):
    later = torch.ones(query.shape[2], key.shape[2], dtype=torch.bool).tril()
    mask = later if mask is None else mask & later
    return sdpa_attention_forward(module, query, key, value, mask, **options | {"is_causal": False})


@pytest.fixture(scope="module", autouse=True)
def _registered():
    for function in (stand_in, without_mask, always_causal):
        AttentionInterface.register(function.__name__, function)
        AttentionMaskInterface.register(function.__name__, sdpa_mask)


def made(tokenizer, pooling="mean", attention="bidirectional", family="llama", backend="sdpa"):
    config = EncoderConfig(pooling, attention, latent_size=8, latent_heads=4)
    return Encoder(build(family, backend), tokenizer, config)


def refused(encoder, texts, message):
    with pytest.raises(UserError, match=message) as caught:
        check_encoder(encoder, texts, max_length=48)
    assert caught.value.next


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("attention", ATTENTIONS)
@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_pooling_and_direction_passes(tokenizer, texts, family, pooling, attention, backend):
    check_encoder(made(tokenizer, pooling, attention, family, backend), texts, max_length=48)


@pytest.mark.parametrize("attention", ATTENTIONS)
@pytest.mark.parametrize("pooling", POOLINGS)
def test_tiny_backbone_passes_in_either_precision(encoder_of, ragged_texts, pooling, attention):
    encoder = encoder_of(pooling, attention)
    check_encoder(encoder, ragged_texts, max_length=64)
    check_encoder(encoder, ragged_texts, max_length=64, precision="bf16")


@pytest.mark.parametrize("pooling", POOLINGS)
def test_bfloat16_weights_and_adapters_pass(tokenizer, texts, pooling):
    encoder = made(tokenizer, pooling)
    encoder.model = get_peft_model(encoder.model.bfloat16(), LoraConfig(r=2, target_modules="all-linear"))
    check_encoder(encoder, texts, max_length=48)


@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("family", FAMILIES)
def test_future_token_changes_an_earlier_state_if_and_only_if_bidirectional(tokenizer, family, backend, padded):
    ids = torch.tensor([[0, 30, 40, 50, 60, 1], [0, 30, 40, 50, 70, 1]])  # the last but one differs
    mask = torch.ones_like(ids)
    if padded:
        ids, mask = torch.nn.functional.pad(ids, (0, 2), value=2), torch.nn.functional.pad(mask, (0, 2))
    for attention in ATTENTIONS:
        with torch.no_grad():
            states, _ = forward(made(tokenizer, attention=attention, family=family, backend=backend).model, ids, mask)
        assert ((states[0, 3] - states[1, 3]).abs().max() > 1e-4) == (attention == "bidirectional")
        assert (states[0, 4] - states[1, 4]).abs().max() > 1e-4


@pytest.mark.parametrize("attention", ATTENTIONS)
@pytest.mark.parametrize("backend", BACKENDS)
def test_direction_that_was_changed_after_the_encoder_was_made_is_told(tokenizer, texts, backend, attention):
    encoder = made(tokenizer, attention=attention, backend=backend)
    encoder.model.config.is_causal = attention == "bidirectional"
    refused(encoder, texts, f"attention: {attention} is asked for, but without padding the states")


def test_attention_that_is_causal_whatever_is_asked_is_told(tokenizer, texts):
    refused(made(tokenizer, backend="always_causal"), texts, r"bidirectional is asked for, but .* change by 0.0e\+00")


def test_direction_that_is_wrong_beside_padding_alone_is_told(tokenizer, texts):
    """As where a kernel has two paths."""
    encoder = made(tokenizer, backend="stand_in")

    def causal_with_padding(module, _, options):
        module.config.is_causal = not options["attention_mask"].all()

    encoder.model.register_forward_pre_hook(causal_with_padding, with_kwargs=True)
    refused(encoder, texts, "attention: bidirectional is asked for, but with padding on the right the states")


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("attention", ATTENTIONS)
def test_attention_that_ignores_the_mask_is_told(tokenizer, texts, pooling, attention):
    side = {"bidirectional": "right", "causal": "left"}[attention]  # on the right causal attention needs no mask
    message = f"embeddings: that of a text changes by .* with padding on the {side}; rounding explains 1e-04"
    refused(made(tokenizer, pooling, attention, backend="without_mask"), texts, message)


def test_embedding_that_depends_on_the_other_texts_is_told(tokenizer, texts):
    encoder = made(tokenizer)
    encoder.register_forward_hook(lambda *given: given[-1] - given[-1].mean(dim=0) / 2)
    refused(encoder, texts, "changes by .* with the size of its batch")


def test_embedding_that_depends_on_its_place_is_told(tokenizer, texts):
    encoder = made(tokenizer)

    def moved(_, __, embeddings):
        return embeddings + torch.eye(3, 32)[: len(embeddings)] * (len(embeddings) > 1)

    encoder.register_forward_hook(moved)
    refused(encoder, texts, "changes by .* with the size of its batch")


def test_constant_embedding_is_told(tokenizer, texts):
    encoder = made(tokenizer)
    encoder.register_forward_hook(lambda *given: torch.ones_like(given[-1]))
    refused(encoder, texts, "embeddings: 3 different texts have the same one")


def test_last_token_pooling_that_takes_the_first_is_told(tokenizer, texts, monkeypatch):
    def first(states, mask):
        return states[range(len(mask)), mask.argmax(dim=1)]

    monkeypatch.setattr("stages.encoder.encoder.last_pool", first)
    refused(made(tokenizer, "last", "causal"), texts, "different texts have the same one")


def test_weights_that_are_no_numbers_are_told(tokenizer, texts):
    encoder = made(tokenizer)
    encoder.model.layers[0].mlp.up_proj.weight.data[0, 0] = float("nan")
    refused(encoder, texts, "embeddings: the model gives numbers that are not finite")


class Appending(PreTrainedTokenizerFast):
    """Writes the end token behind the text, as many do whose tokenizer adds none; cutting then takes it away."""

    def __call__(self, texts, **options):
        return super().__call__([f"{text}</s>" for text in texts], **options)


class Endless(PreTrainedTokenizerFast):
    def __call__(self, texts, **options):
        return super().__call__(texts, **options | {"truncation": False})


def bare(tokenizer, kind=PreTrainedTokenizerFast):
    """`tokenizer` as `kind`, without the special tokens around a text."""
    saved = tokenizer.backend_tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
    saved.no_truncation()  # that of its last call
    if kind is not Endless:
        saved.post_processor = TemplateProcessing(single="$A", special_tokens=[])
    return kind(tokenizer_object=saved, bos_token="<s>", eos_token="</s>", pad_token="<pad>")


@pytest.mark.parametrize("max_length", [8, 48])
@pytest.mark.parametrize("side", ["right", "left"])
def test_special_tokens_that_survive_truncation_pass(tokenizer, ragged_texts, max_length, side, monkeypatch):
    monkeypatch.setattr(tokenizer, "truncation_side", side)
    cut = tokenizer(ragged_texts, truncation=True, max_length=max_length)["input_ids"]
    assert {(ids[0], ids[-1]) for ids in cut} == {(0, 1)}
    assert max(map(len, cut)) == max_length
    check_encoder(made(tokenizer), ragged_texts, max_length=max_length)


def test_tokenizer_that_adds_no_special_tokens_passes(tokenizer, texts):
    check_encoder(made(bare(tokenizer), "last"), texts, max_length=48)


def test_end_token_that_is_lost_by_truncation_is_told(tokenizer, texts):
    message = "a short text ends with the special tokens </s>, one that is cut at 48 tokens with none"
    refused(made(bare(tokenizer, Appending), "last"), texts, message)


def test_first_token_that_is_lost_by_truncation_on_the_left_is_told(tokenizer, texts):
    class Beginning(PreTrainedTokenizerFast):
        def __call__(self, texts, **options):
            return super().__call__([f"<s>{text}" for text in texts], **options)

    wrong = bare(tokenizer, Beginning)
    wrong.truncation_side = "left"
    refused(made(wrong), texts, "a short text begins with the special tokens <s>, one that is cut")


def test_tokenizer_that_does_not_cut_is_told(tokenizer, texts):
    refused(made(bare(tokenizer, Endless)), texts, "should be cut at 48 tokens has")


def test_text_without_a_token_is_told_where_it_would_be_an_empty_row(tokenizer, texts):
    check_encoder(made(tokenizer), ["", *texts], max_length=48)
    refused(made(bare(tokenizer)), [*texts, ""], "the text '' gives no token")


@pytest.mark.parametrize("few", [["same"] * 4, ["", "  "], []])
def test_texts_that_cannot_be_told_apart_are_told(tokenizer, few):
    refused(made(tokenizer), few, "no two differ")


def test_modes_weights_gradients_and_random_state_stay(tokenizer, texts):
    encoder = made(tokenizer, "latent").train()
    encoder.model.layers[0].eval()
    modes = [module.training for module in encoder.modules()]
    weights = [weights.clone() for weights in encoder.parameters()]
    torch.manual_seed(0)
    check_encoder(encoder, texts, max_length=48)
    drawn = torch.rand(3)
    torch.manual_seed(0)
    assert torch.equal(drawn, torch.rand(3))
    assert [module.training for module in encoder.modules()] == modes
    assert all(torch.equal(*pair) for pair in zip(weights, encoder.parameters(), strict=True))
    assert all(weights.grad is None for weights in encoder.parameters())
    with pytest.raises(UserError):
        check_encoder(encoder, [], max_length=48)
    assert [module.training for module in encoder.modules()] == modes
