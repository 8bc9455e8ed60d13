"""The small Llama made from nothing but the corpus."""

import pytest
import torch

from stages.backbone.scratch import build_model, pack, warm_up
from stages.shared.errors import UserError


def test_model_has_the_sizes_of_the_profile(tokenizer, backbone_settings):
    model = build_model(backbone_settings, tokenizer, 0)
    hidden, inner, layers = 32, 48, 2
    layer = 4 * hidden * hidden + 3 * hidden * inner + 2 * hidden  # attention, gated MLP, two norms
    assert model.model.num_parameters() == 320 * hidden + layers * layer + hidden
    assert model.config.max_position_embeddings == 64


def test_embeddings_have_the_spread_that_the_profile_asks_for_and_the_head_its_own(tokenizer, backbone_settings):
    model = build_model(backbone_settings.model_copy(update={"embedding_std": 0.5}), tokenizer, 0)
    assert model.get_input_embeddings().weight.std().item() == pytest.approx(0.5, rel=0.05)
    assert model.get_output_embeddings().weight.std().item() == pytest.approx(0.02, rel=0.05)


def test_same_seed_gives_the_same_weights_and_another_seed_others(tokenizer, backbone_settings):
    torch.rand(5)  # draws of someone else must not matter
    first, second, other = (
        build_model(backbone_settings, tokenizer, seed).model.layers[0].mlp.up_proj.weight for seed in (0, 0, 1)
    )
    assert torch.equal(first, second)
    assert not torch.equal(first, other)


def test_pack_keeps_every_token_in_order_but_for_the_last_row(tokenizer, texts):
    rows = pack(texts, tokenizer, 16)
    ids = [token for text in texts for token in tokenizer(text)["input_ids"]]
    assert rows.shape == (len(ids) // 16, 16)
    assert rows.flatten().tolist() == ids[: rows.numel()]


def test_a_corpus_shorter_than_one_row_is_told(tokenizer, texts):
    with pytest.raises(UserError, match=r"fewer than backbone\.warmup_length=99999"):
        pack(texts, tokenizer, 99999)


def warmed(tokenizer, texts, settings, seed=0):
    model = build_model(settings, tokenizer, seed)
    return model, warm_up(model, pack(texts, tokenizer, 16), settings, seed)


def test_warm_up_lowers_the_loss(tokenizer, texts, backbone_settings):
    tokens = pack(texts, tokenizer, 16)
    model, reported = warmed(tokenizer, texts, backbone_settings)
    with torch.no_grad():
        before = build_model(backbone_settings, tokenizer, 0)(input_ids=tokens, labels=tokens).loss.item()
        after = model(input_ids=tokens, labels=tokens).loss.item()
    assert after < before - 0.5
    assert after < reported < before


def test_warm_up_repeats_bit_for_bit(tokenizer, texts, backbone_settings):
    (one, loss), (two, again) = (warmed(tokenizer, texts, backbone_settings) for _ in range(2))
    assert loss == again
    assert all(torch.equal(*pair) for pair in zip(one.parameters(), two.parameters(), strict=True))


def test_warm_up_with_another_seed_differs(tokenizer, texts, backbone_settings):
    assert warmed(tokenizer, texts, backbone_settings)[1] != pytest.approx(
        warmed(tokenizer, texts, backbone_settings, seed=1)[1], abs=1e-6
    )
