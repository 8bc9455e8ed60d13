"""`mirror.lock.json`: read as it was written, or refused with what to do."""

import errno
import json
import os
from pathlib import Path

import pytest

from stages.evaluation.mirror.lock import NAME, DataSetEntry, FileEntry, Lock, TaskEntry, read_lock, write_lock
from stages.shared.errors import UserError

TASK = TaskEntry(type="STS", splits=["test"], subsets=["default"], statistics={"test": {"num_samples": 3}})
FILES = {"a.parquet": FileEntry(size=3, sha256="0" * 64), "README.md": FileEntry(size=4, sha256="1" * 64)}
ENTRY = DataSetEntry(revision="f" * 40, origin="hub", mteb_version="2", files=FILES, tasks={"T": TASK})


def test_lock_reads_back_as_written_and_sorted_by_repository(tmp_path):
    write_lock(tmp_path, Lock(datasets={"b/b": ENTRY, "a/a": ENTRY}))
    assert read_lock(tmp_path) == Lock(datasets={"b/b": ENTRY, "a/a": ENTRY})
    assert list(read_lock(tmp_path).datasets) == ["a/a", "b/b"]
    assert os.listdir(tmp_path) == [NAME]
    assert ENTRY.size == 7


def test_writing_that_fails_leaves_the_old_lock(tmp_path, monkeypatch):
    write_lock(tmp_path, Lock(datasets={"a/a": ENTRY}))

    def fail(*_):
        raise OSError("no")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="no"):
        write_lock(tmp_path, Lock())
    assert list(read_lock(tmp_path).datasets) == ["a/a"]
    assert os.listdir(tmp_path) == [NAME]


def test_missing_folder_is_told_with_the_command_that_makes_it(tmp_path):
    with pytest.raises(UserError, match=r"(?s)nowhere does not exist.*next: python -m stages.evaluation.mirror pull"):
        read_lock(tmp_path / "nowhere")


def test_missing_lock_is_told_with_both_commands_that_write_it(tmp_path):
    with pytest.raises(UserError, match=rf"(?s)has no {NAME}.*next: .*mirror pull .*mirror lock"):
        read_lock(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "cannot be read"),
        ("[1]", "no lock of a mirror: at the top"),
        ('{"format": 2, "datasets": {}}', "has format 2, not 1"),
        ('{"datasets": {}}', "has format None, not 1"),
        ('{"format": 1, "datasets": {"a/a": {}}}', "at datasets.a/a.revision: Field required"),
        ('{"format": 1, "more": 1}', "at more: Extra inputs are not permitted"),
    ],
)
def test_file_that_is_no_lock_is_refused_with_what_is_wrong(tmp_path, content, message):
    (tmp_path / NAME).write_text(content)
    with pytest.raises(UserError, match=f"(?s){message}.*next: remove that file"):
        read_lock(tmp_path)


def test_bytes_that_are_no_text_are_refused(tmp_path):
    (tmp_path / NAME).write_bytes(b"\xff\xfe{}")
    with pytest.raises(UserError, match="cannot be read"):
        read_lock(tmp_path)


def test_lock_that_may_not_be_read_is_not_to_be_removed(tmp_path, monkeypatch):
    write_lock(tmp_path, Lock(datasets={"a/a": ENTRY}))

    def refuse(*_, **__):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "read_text", refuse)
    with pytest.raises(UserError, match=f"{NAME} cannot be read: Permission denied\n  next: see to it that") as caught:
        read_lock(tmp_path)
    assert "remove" not in str(caught.value)


def test_lock_is_plain_json_that_people_can_read(tmp_path):
    write_lock(tmp_path, Lock(datasets={"a/a": ENTRY}))
    values = json.loads((tmp_path / NAME).read_text())
    assert values["format"] == 1
    assert values["datasets"]["a/a"]["files"]["a.parquet"] == {"size": 3, "sha256": "0" * 64}
    assert values["datasets"]["a/a"]["tasks"]["T"]["statistics"] == {"test": {"num_samples": 3}}
