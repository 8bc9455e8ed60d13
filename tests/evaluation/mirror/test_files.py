"""The files of a data set against the lock."""

import hashlib

import pytest

from stages.evaluation.mirror.files import Problem, digest, hash_files, problems, readable, scan
from tests.evaluation.mirror.small import write

CONTENT = {"README.md": b"one", "data/a.parquet": b"two", "data/b.parquet": b"three"}


def test_scan_and_hash_see_every_file_but_hidden_ones(tmp_path):
    write(tmp_path, CONTENT | {".gitattributes": b"x", ".cache/huggingface/a": b"x", "data/.DS_Store": b"x"})
    assert scan(tmp_path) == {path: len(content) for path, content in CONTENT.items()}
    found = {path: entry.sha256 for path, entry in hash_files(tmp_path).items()}
    assert found == {path: hashlib.sha256(content).hexdigest() for path, content in CONTENT.items()}


def test_scan_follows_links_to_files_and_folders(tmp_path):
    write(tmp_path / "real", CONTENT)
    folder = tmp_path / "linked"
    folder.mkdir()
    (folder / "README.md").symlink_to(tmp_path / "real/README.md")
    (folder / "data").symlink_to(tmp_path / "real/data")
    assert scan(folder) == scan(tmp_path / "real")


def test_problems_are_missing_changed_and_unknown_files(tmp_path):
    write(tmp_path, CONTENT)
    locked = hash_files(tmp_path)
    assert list(problems(tmp_path, locked)) == []
    write(tmp_path, {"README.md": b"ONE", "z": b"", "c": b""})
    (tmp_path / "data/a.parquet").unlink()
    states = {problem.path: problem.state for problem in problems(tmp_path, locked)}
    assert states == {"README.md": "changed", "data/a.parquet": "missing", "c": "unknown", "z": "unknown"}
    sizes = list(problems(tmp_path, locked, hashes=False))
    assert Problem("README.md", "changed") not in sizes
    assert len(sizes) == 3


def test_folder_that_is_not_there_misses_every_file(tmp_path):
    write(tmp_path, CONTENT)
    locked = hash_files(tmp_path)
    assert {problem.state for problem in problems(tmp_path / "nowhere", locked)} == {"missing"}


def test_digest_follows_a_file_that_changes(tmp_path):
    path = tmp_path / "file"
    for content in (b"one", b"other", b""):
        path.write_bytes(content)
        assert digest(path) == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (1536, "1.5 KiB"), (3 << 20, "3.0 MiB"), (5 << 40, "5120.0 GiB")],
)
def test_size_is_told_in_the_unit_that_fits(size, text):
    assert readable(size) == text
