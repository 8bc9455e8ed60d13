"""ATA pooling inside real decoders: what is captured equals what eager attention computes."""

import copy

import pytest
import torch
from transformers import (
    LlamaConfig,
    LlamaModel,
    MistralConfig,
    MistralModel,
    Qwen3Config,
    Qwen3Model,
)

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
FAMILIES = {
    "llama": (LlamaModel, LlamaConfig(**SIZES)),
    "mistral": (MistralModel, MistralConfig(**SIZES)),
    "qwen3": (Qwen3Model, Qwen3Config(**SIZES, head_dim=8)),
}


def build(family, implementation):
    model_class, config = copy.deepcopy(FAMILIES[family])
    torch.manual_seed(0)
    model = model_class._from_config(config, attn_implementation=implementation)
    sharpen(model)
    return model.eval()


def by_hand(model, input_ids, attention_mask, attention, score):
    """ATA embeddings from the attention matrices that eager attention returns."""
    tokens = input_ids.shape[1]
    real = attention_mask.bool()
    visible = real[:, None, :] & real[:, :, None]
    if attention == "causal":
        visible = visible & torch.ones(tokens, tokens, dtype=torch.bool).tril()
    visible = visible | torch.eye(tokens, dtype=torch.bool)  # a padded row must see something
    additive = torch.zeros(visible.shape).masked_fill(~visible, torch.finfo(torch.float32).min)[:, None]
    positions = (attention_mask.cumsum(dim=1) - 1).clamp(min=0)
    with torch.no_grad():
        out = model(input_ids=input_ids, attention_mask=additive, position_ids=positions, output_attentions=True)
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
        embeddings = encoder(**encoder.tokenize(texts[:2], 24))
        embeddings.square().sum().backward()
        results.append((embeddings, encoder.model.layers[-1].self_attn.q_proj.weight.grad))
    assert torch.equal(results[0][0], results[1][0])
    assert not torch.allclose(results[0][1], results[1][1])


def test_model_that_hands_over_no_query_is_told_with_the_poolings_that_work(encoder_of):
    encoder = encoder_of("ata", "causal")
    encoder.model.set_attn_implementation("sdpa")
    with pytest.raises(UserError, match="does not hand its last layer's query and key") as caught:
        encoder(**encoder.tokenize(["text"], 8))
    assert "pooling=mean or last" in str(caught.value)
