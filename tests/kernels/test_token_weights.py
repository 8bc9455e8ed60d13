"""Tokens are the text's own characters; weights are those that pooling uses."""

import pytest
import torch
from ata_pooling.models import forward, keep_last_attention
from ata_pooling.token_weights import token_weights
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoModel, AutoTokenizer, ByT5Tokenizer, LlamaConfig, LlamaModel, PreTrainedTokenizerFast

HARD = "Naïve 🙂 test, of  <b>\n\tthe matrix. 漢字"


@pytest.fixture(params=["bidirectional", "causal"])
def attention(request):
    return request.param


@pytest.fixture
def model(backbone, attention):
    model = AutoModel.from_pretrained(backbone / "model").eval()
    keep_last_attention(model, causal=attention == "causal")
    return model


@pytest.fixture
def own_tokenizer(backbone):
    """A tokenizer that no other test has changed."""
    return AutoTokenizer.from_pretrained(backbone / "model")


def llama(vocabulary):
    sizes = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4}
    model = LlamaModel(LlamaConfig(vocab_size=vocabulary, pad_token_id=0, **sizes)).eval()
    keep_last_attention(model, causal=False)
    return model


@pytest.mark.parametrize("score", ["log1p", "linear"])
@pytest.mark.parametrize("side", ["left", "right"])
def test_atas_weights_are_those_of_the_text_alone_whatever_is_beside_it(model, own_tokenizer, texts, side, score):
    own_tokenizer.padding_side = side
    mixed = [texts[0], "a", texts[1] + texts[2]]
    found = token_weights(model, own_tokenizer, mixed, score=score, max_length=64, batch_size=2)
    for text, weights in zip(mixed, found, strict=True):
        row = own_tokenizer(text, truncation=True, max_length=64, return_tensors="pt")
        with torch.inference_mode():
            states, last = forward(model, row["input_ids"], row["attention_mask"])
            alone = last.pool(states, attention_mask=row["attention_mask"], score=score, return_weights=True)[1][0]
        torch.testing.assert_close(torch.tensor(weights.weights["ata"]), alone, rtol=0, atol=1e-6)


def test_weights_of_every_pooling_sum_to_one(model, own_tokenizer, texts):
    (found,) = token_weights(model, own_tokenizer, texts[:1])
    count = len(found.tokens)
    assert list(found.weights) == ["mean", "last", "ata"]
    assert all(sum(weights) == pytest.approx(1, abs=1e-5) for weights in found.weights.values())
    assert found.weights["mean"] == (1 / count,) * count
    assert found.weights["last"] == (0,) * (count - 1) + (1,)
    assert max(found.multiples("ata")) > 1.05


def test_byte_level_tokens_are_the_text_and_template_tokens_are_named(model, own_tokenizer):
    (found,) = token_weights(model, own_tokenizer, [HARD])
    own = [token for token, special in zip(found.tokens, found.special, strict=True) if not special]
    assert "".join(own) == f" {HARD}"  # this tokenizer puts a space before the text, here as a token of its own
    assert own[:2] == [" ", "N"]
    assert own.count("") == 1 + 3 + 2 * 2  # bytes after the first of ï, of the face and of two Chinese characters
    assert "\ufffd" not in "".join(own)
    assert (found.tokens[0], found.tokens[-1]) == ("<s>", "</s>")
    assert found.special == (True, *[False] * len(own), True)


def test_a_template_tokens_name_in_the_text_is_text(model, own_tokenizer):
    (found,) = token_weights(model, own_tokenizer, ["a </s> b"])
    assert "".join(found.tokens[1:-1]) == "a </s> b"


def test_byte_fallback_tokens_show_their_character_once():
    vocabulary = ["<unk>", "▁", "a", "▁a", "b", *(f"<0x{byte:02X}>" for byte in range(256))]
    inner = Tokenizer(
        models.BPE({name: index for index, name in enumerate(vocabulary)}, [("▁", "a")], byte_fallback=True)
    )
    inner.pre_tokenizer = pre_tokenizers.Metaspace()
    inner.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace()])
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=inner, unk_token="<unk>", pad_token="<unk>")
    (found,) = token_weights(llama(len(vocabulary)), tokenizer, ["ab 🙂b"])
    assert found.tokens == ("a", "b", " ", "🙂", "", "", "", "b")


def test_tokenizers_without_offsets_are_decoded_byte_by_byte_without_mojibake():
    (found,) = token_weights(llama(384), ByT5Tokenizer(), ["né 🙂"])
    assert found.tokens == ("n", "", "é", " ", "", "", "", "🙂", "</s>")
    assert found.special == (*[False] * 8, True)


@pytest.mark.parametrize("side", ["left", "right"])
def test_texts_are_cut_to_the_length_and_the_rest_is_not_shown(model, own_tokenizer, side):
    own_tokenizer.truncation_side = side
    text = "matrix " * 20 + "kernel"
    (found,) = token_weights(model, own_tokenizer, [text], max_length=10)
    assert len(found.tokens) == 10
    shown = "".join(found.tokens[1:-1]).strip()
    assert text.startswith(shown) if side == "right" else text.endswith(shown)


@pytest.mark.parametrize("empty", ["", " \n"])
def test_empty_text_is_refused_by_its_number(model, own_tokenizer, empty):
    with pytest.raises(ValueError, match="text 2 of 2 is empty"):
        token_weights(model, own_tokenizer, ["a", empty])


def test_length_without_room_for_text_is_refused(model, own_tokenizer):
    with pytest.raises(ValueError, match="max_length: given 2; the tokenizer adds 2 tokens, allowed: 3 or more"):
        token_weights(model, own_tokenizer, ["a"], max_length=2)
