"""What is checked before and after a folder is written, and what is said when it is not."""

import errno
import json
import shutil
from collections import namedtuple
from dataclasses import asdict

import numpy as np
import pytest
from safetensors import SafetensorError

from stages.encoder import EncoderConfig
from stages.evaluation.export import write
from stages.evaluation.export.layout import REQUIREMENTS
from stages.evaluation.export.write import write_export
from stages.shared.errors import UserError
from tests.conftest import REPOSITORY

CONFIG = EncoderConfig("mean", "bidirectional")


@pytest.fixture
def refused(saved, settings_of, backbone, tmp_path):
    """`refused(...)` is the message with which `write_export` ends; nothing of the target is left."""

    def refused(encoder=saved, target=None, **options):
        target = target or tmp_path / "model"
        before = sorted(tmp_path.rglob("*"))
        with pytest.raises(UserError) as caught:
            write_export(encoder, target, settings_of(CONFIG), backbone=backbone, **options)
        assert sorted(tmp_path.rglob("*")) == before
        return str(caught.value)

    return refused


def test_missing_encoder_is_told_with_the_command_that_trains_one(refused, tmp_path):
    message = refused(tmp_path / "absent")
    assert "absent does not exist" in message
    assert "dvc repro" in message


def test_folder_of_another_tool_is_told(refused, tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other/config.json").write_text("{}")
    message = refused(tmp_path / "other")
    assert "holds no encoder.json" in message
    assert "--encoder" in message


@pytest.mark.parametrize("text", ["{", "[]", json.dumps({**asdict(CONFIG), "colour": "blue"})])
def test_damaged_encoder_file_is_told(refused, saved, text):
    (saved / "encoder.json").write_text(text)
    assert "encoder.json is not the file that training writes" in refused()


def test_target_that_is_not_empty_is_told(refused, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full/file").touch()
    assert "is not empty" in refused(target=tmp_path / "full")
    assert "not an export of ours" in refused(target=tmp_path / "full", overwrite=True)


def test_target_inside_the_encoder_is_refused(refused, saved):
    assert "lies inside" in refused(target=saved / "export")


def test_disk_that_is_too_small_is_told_before_anything_is_written(refused, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(1, 1, 1000))
    assert "no space left for" in refused()


def test_disk_that_fills_up_is_told(refused, monkeypatch):
    def full(*_args, **_kwargs):
        raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")

    monkeypatch.setattr("transformers.PreTrainedModel.save_pretrained", full)
    assert "No space left on device" in refused()


def test_disk_that_fills_up_with_small_files_leaves_nothing(saved, settings_of, backbone, tmp_path, monkeypatch):
    def full(*_args, **_kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(write, "write_text", full)
    with pytest.raises(OSError, match="No space left"):
        write_export(saved, tmp_path / "model", settings_of(CONFIG), backbone=backbone)
    assert [path.name for path in tmp_path.iterdir()] == ["encoder"]


def test_model_with_other_embeddings_is_not_kept(refused, monkeypatch):
    embed = write.embed
    monkeypatch.setattr(write, "embed", lambda *args: {kind: rows[::-1].copy() for kind, rows in embed(*args).items()})
    assert "gives other embeddings than the encoder, at a cosine distance of" in refused()


@pytest.mark.parametrize("kind", ["query", "document"])
def test_embeddings_that_are_not_finite_are_not_close(refused, monkeypatch, kind):
    embed = write.embed

    def broken(*args):
        embeddings = embed(*args)
        embeddings[kind][1] = np.nan
        return embeddings

    monkeypatch.setattr(write, "embed", broken)
    assert "gives other embeddings than the encoder, at a cosine distance of nan" in refused()


def test_model_that_sentence_transformers_cannot_load_is_not_kept(refused, monkeypatch):
    monkeypatch.setattr(write, "write_tokenizer", lambda *_: None)
    assert "sentence-transformers cannot run the exported model" in refused()


def test_export_replaces_an_earlier_one_of_another_kind(export):
    first = export(EncoderConfig("ata", "causal"), "model")
    assert (first.export.folder / "text_encoder.py").exists()
    second = export(CONFIG, "model", overwrite=True)
    assert not (second.export.folder / "text_encoder.py").exists()


def test_equal_encoders_give_equal_bytes(export, tmp_path):
    first, second = (export(EncoderConfig("ata", "causal"), f"{number}/model").export.folder for number in (1, 2))
    files = sorted(path.relative_to(first) for path in first.rglob("*") if path.is_file())
    assert files == sorted(path.relative_to(second) for path in second.rglob("*") if path.is_file())
    for file in files:
        content = (first / file).read_bytes()
        assert content == (second / file).read_bytes(), file
        assert str(tmp_path).encode() not in content, file


def test_versions_that_a_model_asks_for_are_those_that_the_code_needs():
    project = (REPOSITORY / "pyproject.toml").read_text()
    for package, versions in REQUIREMENTS.items():
        assert f'"{package}{versions}"' in project
    assert '"sentence-transformers>=6.0"' in project  # as the model card says
