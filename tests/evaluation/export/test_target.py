"""A folder is written whole or not at all, and nothing else is ever deleted."""

import errno
import json

import pytest

from stages.evaluation.export.target import MARK, check_target, replacing
from stages.shared.errors import UserError


def write(target, *, overwrite=False, text="new"):
    with replacing(target, overwrite=overwrite, about={"commit": "abc"}) as folder:
        (folder / "part").mkdir()
        (folder / "part/file.txt").write_text(text)


def test_folder_is_new_and_tells_what_was_written(tmp_path):
    target = tmp_path / "some/where/model"
    write(target)
    assert json.loads((target / MARK).read_text()) == {"commit": "abc", "files": [MARK, "part/file.txt"]}
    assert [path.name for path in target.parent.iterdir()] == ["model"]


def test_empty_folder_is_filled(tmp_path):
    (tmp_path / "model").mkdir()
    write(tmp_path / "model")
    assert (tmp_path / "model/part/file.txt").read_text() == "new"


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "full"), KeyboardInterrupt()])
def test_nothing_is_left_of_a_folder_that_could_not_be_finished(tmp_path, error):
    def stopped():
        with replacing(tmp_path / "model", overwrite=False, about={}) as folder:
            (folder / "file.txt").write_text("half")
            raise error

    with pytest.raises(type(error)):
        stopped()
    assert list(tmp_path.iterdir()) == []


def test_earlier_export_is_replaced_if_that_is_wanted_and_stays_if_the_new_one_fails(tmp_path):
    target = tmp_path / "model"
    write(target, text="old")
    with pytest.raises(UserError, match="is not empty") as caught:
        check_target(target, overwrite=False)
    assert "--overwrite" in str(caught.value)
    with pytest.raises(ZeroDivisionError), replacing(target, overwrite=True, about={}):
        raise ZeroDivisionError
    assert (target / "part/file.txt").read_text() == "old"
    write(target, overwrite=True)
    assert (target / "part/file.txt").read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_earlier_export_comes_back_if_the_last_step_fails(tmp_path, monkeypatch):
    target = tmp_path / "model"
    write(target, text="old")
    rename = type(target).rename

    def failing(path, to):
        if path.parent.name == "new":
            raise OSError(errno.EIO, "disk")
        return rename(path, to)

    monkeypatch.setattr(type(target), "rename", failing)
    with pytest.raises(OSError, match="disk"):
        write(target, overwrite=True)
    assert (target / "part/file.txt").read_text() == "old"


@pytest.mark.parametrize("mark", [None, "not JSON", "[]", "{}"])
def test_what_is_no_export_is_never_deleted(tmp_path, mark):
    (tmp_path / "thesis.txt").write_text("years of work")
    if mark is not None:
        (tmp_path / MARK).write_text(mark)
    with pytest.raises(UserError, match="not an export of ours"):
        check_target(tmp_path, overwrite=True)


def test_files_that_were_put_into_an_export_keep_it_from_being_deleted(tmp_path):
    target = tmp_path / "model"
    write(target)
    (target / ".git").mkdir()
    (target / ".git/config").touch()
    with pytest.raises(UserError, match=r"holds what no export wrote \(.git/config\): nothing is deleted"):
        write(target, overwrite=True)


def test_file_is_no_target(tmp_path):
    (tmp_path / "model").touch()
    with pytest.raises(UserError, match="is a file"):
        check_target(tmp_path / "model", overwrite=True)
