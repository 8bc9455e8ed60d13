"""ATA pooling inside real decoders: what is captured equals what eager attention computes."""

import copy

import pytest
import torch
from transformers import (
    AttentionInterface,
    AttentionMaskInterface,
    BloomConfig,
    BloomModel,
    Gemma2Config,
    Gemma2Model,
    Gemma3TextConfig,
    Gemma3TextModel,
    GemmaConfig,
    GemmaModel,
    LlamaConfig,
    LlamaModel,
    MambaConfig,
    MambaModel,
    MistralConfig,
    MistralModel,
    Qwen2Config,
    Qwen2Model,
    Qwen3Config,
    Qwen3Model,
)
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from stages.encoder import Encoder, EncoderConfig
from stages.shared.errors import UserError
from tests.conftest import sharpen

SIZES = {
    "vocab_size": 320,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,  # grouped heads
    "max_position_embeddings": 64,
    "pad_token_id": 2,
}
LAYERS = ["full_attention", "sliding_attention"]
FAMILIES = {
    "llama": (LlamaModel, LlamaConfig(**SIZES)),
    "mistral": (MistralModel, MistralConfig(**SIZES)),
    "mistral-sliding": (MistralModel, MistralConfig(**SIZES, sliding_window=6)),
    "qwen2": (Qwen2Model, Qwen2Config(**SIZES)),
    "qwen2-sliding": (
        Qwen2Model,
        Qwen2Config(**SIZES, use_sliding_window=True, sliding_window=6, layer_types=LAYERS),
    ),
    "qwen3": (Qwen3Model, Qwen3Config(**SIZES, head_dim=8)),
    "gemma": (GemmaModel, GemmaConfig(**SIZES, head_dim=8)),
    "gemma3": (Gemma3TextModel, Gemma3TextConfig(**SIZES, head_dim=8)),
    "gemma3-sliding": (Gemma3TextModel, Gemma3TextConfig(**SIZES, head_dim=8, sliding_window=6, layer_types=LAYERS)),
}


def build(family, implementation):
    model_class, config = copy.deepcopy(FAMILIES[family])
    torch.manual_seed(0)
    model = model_class._from_config(config, attn_implementation=implementation)
    sharpen(model)
    return model.eval()


def by_hand(model, input_ids, attention_mask, attention, score):
    """ATA embeddings from the attention matrices that eager attention returns under transformers' own masks."""
    model.config.is_causal = attention == "causal"
    real = attention_mask.bool()
    positions = (attention_mask.cumsum(dim=1) - 1).clamp(min=0)
    with torch.no_grad():
        out = model(input_ids=input_ids, attention_mask=attention_mask, position_ids=positions, output_attentions=True)
    embeddings = []
    for row in range(len(input_ids)):
        attended = out.attentions[-1][row][:, real[row]]  # (H, K, N)
        count = int(real[row].sum())
        sums = (torch.log1p(count * attended) if score == "log1p" else attended).sum(dim=(0, 1)) * real[row]
        embeddings.append((sums / sums.sum()) @ out.last_hidden_state[row])
    return torch.stack(embeddings)


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("score", ["log1p", "linear"])
@pytest.mark.parametrize("attention", ["bidirectional", "causal"])
@pytest.mark.parametrize("family", FAMILIES)
def test_embedding_equals_the_sums_over_eager_attention(tokenizer, texts, family, attention, score, side):
    encoder = Encoder(build(family, "sdpa"), tokenizer, EncoderConfig("ata", attention, score)).eval()
    ids = torch.tensor(tokenizer(texts[:3], truncation=True, max_length=24)["input_ids"])
    mask = torch.ones_like(ids)
    for row, padding in enumerate((0, 9, 20)):
        mask[row, slice(24 - padding, None) if side == "right" else slice(0, padding)] = 0
    expected = by_hand(build(family, "eager"), ids, mask, attention, score)
    with torch.no_grad():
        given = encoder(ids, mask)
    torch.testing.assert_close(given, expected, rtol=0, atol=1e-5)
    with torch.no_grad():
        mean = Encoder(build(family, "sdpa"), tokenizer, EncoderConfig("mean", attention))(ids, mask)
    assert (given - mean).abs().max() > 1e-3


def test_detached_weights_give_the_same_embedding_and_other_gradients(tokenizer, texts):
    results = []
    for detach in (False, True):
        config = EncoderConfig("ata", "bidirectional", ata_detach=detach)
        encoder = Encoder(build("llama", "sdpa"), tokenizer, config)
        embeddings = encoder(**encoder.tokens(texts[:2], 24).padded())
        embeddings.square().sum().backward()
        results.append((embeddings, encoder.model.layers[-1].self_attn.q_proj.weight.grad))
    assert torch.equal(results[0][0], results[1][0])
    assert not torch.allclose(results[0][1], results[1][1])


@pytest.mark.parametrize(
    ("model", "told"),
    [
        (BloomModel(BloomConfig(vocab_size=320, hidden_size=32, n_layer=1, n_head=4)), "BloomModel does not use"),
        (MambaModel(MambaConfig(vocab_size=320, hidden_size=32, num_hidden_layers=1)), "MambaModel"),
        (Gemma2Model(Gemma2Config(**SIZES, head_dim=8)), "Gemma2Model caps its attention logits at 50.0"),
    ],
)
def test_model_without_such_a_layer_is_told_with_the_families_that_have_one(tokenizer, model, told):
    with pytest.raises(UserError, match=told) as caught:
        Encoder(model, tokenizer, EncoderConfig("ata", "causal"))
    assert "Llama, Mistral, Qwen2, Qwen3" in str(caught.value)


def test_model_that_hands_over_no_query_is_told(tokenizer, monkeypatch):
    encoder = Encoder(build("llama", "sdpa"), tokenizer, EncoderConfig("ata", "causal"))
    monkeypatch.setattr(encoder.model.config, "num_hidden_layers", 3)  # no layer takes itself for the last
    with pytest.raises(UserError, match="does not hand its last layer's query and key"):
        encoder(**encoder.tokens(["text"], 8).padded())


def test_attention_implementation_of_the_model_stays(tokenizer):
    """As FlashAttention would: every layer calls it, with the mode that was asked for."""
    calls = []

    def mine(module, *arguments, **options):
        calls.append((module.layer_idx, options["is_causal"]))
        return sdpa_attention_forward(module, *arguments, **options)

    AttentionInterface.register("mine", mine)
    AttentionMaskInterface.register("mine", sdpa_mask)
    encoder = Encoder(build("llama", "mine"), tokenizer, EncoderConfig("ata", "bidirectional"))
    expected = Encoder(build("llama", "sdpa"), tokenizer, EncoderConfig("ata", "bidirectional"))
    batch = encoder.tokens(["one text"], 8).padded()
    assert torch.equal(encoder(**batch), expected(**batch))
    assert calls == [(0, False), (1, False)]
    assert encoder.model.config._attn_implementation == "mine"


def _gradients(tokenizer, texts, detach=False, **checkpointing):
    encoder = Encoder(build("llama", "sdpa"), tokenizer, EncoderConfig("ata", "bidirectional", ata_detach=detach))
    encoder.train()
    if checkpointing:
        encoder.model.gradient_checkpointing_enable(checkpointing)
    encoder(**encoder.tokens(texts[:2], 24).padded()).square().sum().backward()
    return [weights.grad for weights in encoder.parameters()]


def test_activation_checkpointing_changes_no_gradient(tokenizer, texts):
    plain, again = _gradients(tokenizer, texts), _gradients(tokenizer, texts, use_reentrant=False)
    assert all(torch.equal(*pair) for pair in zip(plain, again, strict=True))


def test_reentrant_checkpointing_which_would_cut_gradients_is_refused(tokenizer, texts):
    with pytest.raises(ValueError, match="use_reentrant: given True; allowed: False"):
        _gradients(tokenizer, texts, use_reentrant=True)
    assert all(grad is not None for grad in _gradients(tokenizer, texts, detach=True, use_reentrant=True)[1:])
