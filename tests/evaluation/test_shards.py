"""Embeddings go through files that a stopped run finds again."""

import numpy as np
import pytest

from stages.evaluation import shards
from stages.evaluation.models.embed import Embedded
from stages.evaluation.shards import Shards, make_shards
from stages.shared.errors import UserError

TEXTS = [f"text {number}" for number in range(10)]


@pytest.fixture
def asked():
    """Every call of the embedding function, as (texts, instruction)."""
    return []


@pytest.fixture
def open_shards(asked, monkeypatch, tmp_path):
    """`open_shards(identity, dtype)` on one folder, four texts to a shard."""
    monkeypatch.setattr(shards, "ROWS", 4)

    def embed(texts, instruction):
        asked.append((texts, instruction))
        values = np.array([[len(text), float(text.rpartition(" ")[2]) + 1 / 3] for text in texts], dtype=np.float32)
        return Embedded(values, np.array(["7" in text for text in texts]))

    def open_(identity="model", dtype="fp32"):
        return Shards(tmp_path, identity, dtype, lambda missing: make_shards(missing, embed, progress=False))

    return open_


def test_embeddings_come_back_in_order_and_exactly(open_shards, asked):
    embeddings, cut = open_shards()(TEXTS, "find")
    assert embeddings.dtype == np.float32
    assert np.array_equal(embeddings[:, 1], np.arange(10, dtype=np.float32) + np.float32(1 / 3))
    assert cut.tolist() == ["7" in text for text in TEXTS]
    assert asked == [(TEXTS[:4], "find"), (TEXTS[4:8], "find"), (TEXTS[8:], "find")]


def test_nothing_is_embedded_twice_and_a_lost_shard_alone_is_made_again(open_shards, asked, tmp_path):
    first = open_shards()(TEXTS, "")
    again = open_shards()(TEXTS, "")
    assert len(asked) == 3
    assert np.array_equal(first.embeddings, again.embeddings)
    sorted(tmp_path.iterdir())[0].unlink()
    assert np.array_equal(open_shards()(TEXTS, "").embeddings, first.embeddings)
    assert len(asked) == 4


@pytest.mark.parametrize("other", [{"identity": "other"}, {"dtype": "fp16"}])
def test_another_model_or_number_type_shares_nothing(open_shards, asked, other):
    open_shards()(TEXTS, "")
    open_shards(**other)(TEXTS, "")
    assert len(asked) == 6


def test_another_instruction_shares_nothing(open_shards, asked):
    open_shards()(TEXTS, "")
    open_shards()(TEXTS, "find")
    assert len(asked) == 6


def test_half_precision_on_disk_is_float32_in_memory(open_shards):
    embeddings, _ = open_shards(dtype="fp16")(TEXTS, "")
    assert embeddings.dtype == np.float32
    assert np.array_equal(embeddings[:, 1], (np.arange(10) + 1 / 3).astype(np.float16).astype(np.float32))


def test_forgotten_shards_leave_no_file(open_shards, tmp_path):
    opened = open_shards()
    opened(TEXTS, "")
    opened.forget()
    assert list(tmp_path.iterdir()) == []


def test_shards_of_a_task_that_failed_stay_when_the_next_one_is_done(open_shards, tmp_path):
    opened = open_shards()
    opened(TEXTS[:4], "")
    opened.begin()
    opened(TEXTS[4:8], "")
    opened.forget()
    assert len(list(tmp_path.iterdir())) == 1
    assert opened._shard(TEXTS[:4], "").path.exists()


def test_embedding_beyond_half_precision_is_told_and_not_written(open_shards, tmp_path):
    with pytest.raises(UserError, match=r"does not fit fp16.*\n.*fp32"):
        open_shards(dtype="fp16")(["text 70000"], "")
    assert list(tmp_path.iterdir()) == []


def test_folder_that_cannot_be_made_is_told(open_shards, tmp_path):
    (tmp_path / "file").touch()
    opened = open_shards()
    opened._folder = tmp_path / "file" / "below"
    with pytest.raises(UserError, match="MGH_PARTIAL"):
        opened(TEXTS, "")


def test_no_text_is_no_embedding(open_shards, asked):
    embeddings, cut = open_shards()([], "")
    assert (len(embeddings), len(cut), asked) == (0, 0, [])


def test_full_disk_says_what_to_do_and_leaves_nothing_half_written(open_shards, monkeypatch, tmp_path):
    def full(_, path):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shards, "save_file", full)
    with pytest.raises(UserError, match="MGH_PARTIAL") as caught:
        open_shards()(TEXTS, "")
    assert "No space left" in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_damaged_shard_is_named_and_removed(open_shards, tmp_path):
    open_shards()(TEXTS, "")
    damaged = sorted(tmp_path.iterdir())[0]
    damaged.write_bytes(b"not safetensors")
    with pytest.raises(UserError, match=damaged.name):
        open_shards()(TEXTS, "")
    assert not damaged.exists()
    assert len(open_shards()(TEXTS, "").embeddings) == 10


def test_text_with_a_lone_surrogate_is_a_text_like_any_other(open_shards):
    assert len(open_shards()(["broken \udce9 1"], "").embeddings) == 1
