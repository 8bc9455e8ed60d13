"""The tokenizer trained on the corpus."""

import pytest

from stages.backbone.tokenizer import train_tokenizer


@pytest.mark.parametrize("length", [3, 8, 64])
def test_text_is_framed_also_when_it_is_cut(tokenizer, texts, length):
    for ids in tokenizer([*texts, "short"], truncation=True, max_length=length)["input_ids"]:
        assert len(ids) <= length
        assert (ids[0], ids[-1]) == (tokenizer.bos_token_id, tokenizer.eos_token_id)
        assert not {tokenizer.bos_token_id, tokenizer.eos_token_id} & set(ids[1:-1])


def test_truncation_without_a_length_keeps_to_the_models(tokenizer, texts):
    assert max(map(len, tokenizer([" ".join(texts)], truncation=True)["input_ids"])) == 64


@pytest.mark.parametrize("text", ["The matrix is read once.", "naïve café — 数学 🙂", "tab\tand\nline", ""])
def test_any_text_comes_back_from_its_tokens(tokenizer, text):
    assert tokenizer.decode(tokenizer(text)["input_ids"], skip_special_tokens=True).lstrip(" ") == text


def test_padding_is_masked_and_is_no_other_token(tokenizer):
    batch = tokenizer(["one", "one two three four"], padding=True)
    assert len({tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id}) == 3
    for ids, mask in zip(batch["input_ids"], batch["attention_mask"], strict=True):
        assert [token == tokenizer.pad_token_id for token in ids] == [not real for real in mask]


def test_vocabulary_has_the_size_asked_and_frequent_words_in_one_piece(tokenizer, texts):
    assert len(tokenizer) == 320
    assert all(" is " in text and " of the " in text for text in texts)
    assert tokenizer.tokenize("is of the") == ["Ġis", "Ġof", "Ġthe"]


def test_same_texts_give_the_same_tokenizer(tokenizer, texts, tmp_path):
    tokenizer.save_pretrained(tmp_path / "one")
    train_tokenizer(texts, 320, 64).save_pretrained(tmp_path / "two")
    for file in (tmp_path / "one").iterdir():
        assert file.read_bytes() == (tmp_path / "two" / file.name).read_bytes()
