"""An embedding depends on its text alone, and on all of it."""

import numpy as np
import pytest
import torch

ROUNDING = 1e-5
POOLINGS = ("mean", "last", "latent", "ata")
KINDS = [(pooling, attention) for pooling in POOLINGS for attention in ("bidirectional", "causal")]

every_kind = pytest.mark.parametrize(("pooling", "attention"), KINDS)


def encode(encoder, texts, batch_size=5):
    return encoder.encode(texts, chunk_tokens=48 * batch_size, max_length=48)


@every_kind
def test_batch_size_does_not_change_an_embedding(encoder_of, ragged_texts, pooling, attention):
    encoder = encoder_of(pooling, attention)
    alone = encode(encoder, ragged_texts, batch_size=1)
    for batch_size in (4, len(ragged_texts)):
        np.testing.assert_allclose(encode(encoder, ragged_texts, batch_size), alone, rtol=0, atol=ROUNDING)


@every_kind
def test_order_of_the_texts_does_not_change_an_embedding(encoder_of, ragged_texts, pooling, attention):
    encoder = encoder_of(pooling, attention)
    backwards = encode(encoder, ragged_texts[::-1])[::-1]
    np.testing.assert_allclose(backwards, encode(encoder, ragged_texts), rtol=0, atol=ROUNDING)


@every_kind
def test_side_of_the_padding_does_not_change_an_embedding(encoder_of, ragged_texts, pooling, attention):
    encoder = encoder_of(pooling, attention)
    sides = []
    for side in ("right", "left"):
        options = {"truncation": True, "max_length": 48, "padding": True, "padding_side": side, "return_tensors": "pt"}
        tokens = encoder.tokenizer(ragged_texts, **options)
        assert not tokens["attention_mask"].all()
        with torch.no_grad():
            sides.append(encoder(tokens["input_ids"], tokens["attention_mask"]))
    torch.testing.assert_close(*sides, rtol=0, atol=ROUNDING)


def test_positions_count_real_tokens_so_that_left_padding_moves_no_text(encoder_of):
    encoder, seen = encoder_of("mean", "causal"), []
    encoder.model.register_forward_pre_hook(
        lambda _, __, options: seen.append(options["position_ids"].tolist()), with_kwargs=True
    )
    encoder(torch.tensor([[2, 2, 0, 30, 1], [0, 30, 1, 2, 2]]), torch.tensor([[0, 0, 1, 1, 1], [1, 1, 1, 0, 0]]))
    assert [seen[0][0][2:], seen[0][1][:3]] == [[0, 1, 2], [0, 1, 2]]


def test_every_pooling_with_either_attention_gives_an_embedding_of_its_own(encoder_of, texts):
    embeddings = [encode(encoder_of(*kind), texts[:1])[0] for kind in KINDS]
    for index, one in enumerate(embeddings):
        for other in embeddings[index + 1 :]:
            assert np.abs(one - other).max() > 100 * ROUNDING


def states(encoder, ids, mask):
    with torch.no_grad():
        return encoder.model(input_ids=ids, attention_mask=mask).last_hidden_state


@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize(("attention", "looks_ahead"), [("bidirectional", True), ("causal", False)])
def test_only_bidirectional_attention_looks_ahead(encoder_of, attention, looks_ahead, padded):
    encoder = encoder_of("mean", attention)
    ids = torch.tensor([[0, 30, 40, 50, 60, 1]])
    mask = torch.ones_like(ids)
    if padded:
        ids, mask = torch.nn.functional.pad(ids, (0, 2), value=2), torch.nn.functional.pad(mask, (0, 2))
    changed = ids.clone()
    changed[0, 4] = 70
    before, after = (states(encoder, tokens, mask)[0] for tokens in (ids, changed))
    assert ((before[0] - after[0]).abs().max() > 1e-4) == looks_ahead
    assert (before[4] - after[4]).abs().max() > 1e-4


def test_embeddings_are_normalised_float32_in_the_order_of_the_texts(encoder_of, ragged_texts):
    encoder = encoder_of("ata", "bidirectional")
    embeddings = encode(encoder, ragged_texts)
    assert embeddings.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), 1, atol=1e-6)
    for index in (0, 3, len(ragged_texts) - 1):
        np.testing.assert_allclose(encode(encoder, [ragged_texts[index]])[0], embeddings[index], rtol=0, atol=ROUNDING)


def test_no_texts_give_no_rows(encoder_of):
    assert encode(encoder_of("mean", "causal"), []).shape == (0, 32)


def test_tokens_are_cut_at_the_length_and_keep_their_frame(encoder_of, ragged_texts):
    tokens = encoder_of("last", "causal").tokens(ragged_texts, 10).padded()
    lengths = tokens["attention_mask"].sum(dim=1)
    assert tokens["input_ids"].shape == (len(ragged_texts), 10)
    assert tokens["input_ids"][:, 0].eq(0).all()
    assert tokens["input_ids"].gather(1, lengths[:, None] - 1).eq(1).all()
