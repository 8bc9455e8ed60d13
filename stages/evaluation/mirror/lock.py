"""`mirror.lock.json`: which data sets a mirror holds, at which revision, with which files, for which tasks."""

import json
import os
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from stages.shared.errors import UserError

NAME = "mirror.lock.json"
FORMAT = 1
COMMAND = "python -m stages.evaluation.mirror"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FileEntry(_Strict):
    """Bytes and SHA-256 of one file."""

    size: int
    sha256: str


class TaskEntry(_Strict):
    """What a task reads of its data set, and what mteb says is in it."""

    type: str
    splits: list[str]
    subsets: list[str]
    statistics: dict[str, Any] | None
    """mteb's descriptive statistics of these splits and subsets, as it ships them; None where it ships none."""


class DataSetEntry(_Strict):
    """One dataset repository."""

    revision: str
    origin: Literal["hub", "folder"]
    """hub: pulled, every file compared with the Hub's own hash. folder: taken as it lay there."""
    mteb_version: str
    """Of the mteb that named the revision and shipped the statistics."""
    files: dict[str, FileEntry]
    tasks: dict[str, TaskEntry]

    @property
    def size(self) -> int:
        return sum(file.size for file in self.files.values())


class Lock(_Strict):
    """The whole lock; `datasets` by repository, such as `mteb/sts12-sts`."""

    format: Literal[1] = FORMAT
    datasets: dict[str, DataSetEntry] = {}


def read_lock(folder: Path) -> Lock:
    """Read and check the lock of a mirror. Raises UserError with the command that makes a good one."""
    path = folder / NAME
    if not folder.is_dir():
        raise UserError(f"the mirror {folder} does not exist", next=f"{COMMAND} pull {folder}")
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UserError(
            f"{folder} has no {NAME}, which tells what a mirror holds",
            next=f"{COMMAND} pull {folder}, or, if the data are there already: {COMMAND} lock {folder}",
        ) from error
    except OSError as error:
        raise UserError(
            f"{path} cannot be read: {error.strerror or error}",
            next="see to it that you may read it, then run the same command again",
        ) from error
    except ValueError as error:
        raise UserError(f"{path} cannot be read: {error}", next=_anew(folder)) from error
    if isinstance(values, dict) and values.get("format") != FORMAT:
        raise UserError(f"{path} has format {values.get('format')!r}, not {FORMAT}", next=_anew(folder))
    try:
        return Lock.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the top"
        raise UserError(f"{path} is no lock of a mirror: at {where}: {first['msg']}", next=_anew(folder)) from error


def write_lock(folder: Path, lock: Lock) -> None:
    """Replace the lock at once, so that a command that is stopped leaves the old one or the new one."""
    values = lock.model_dump()
    values["datasets"] = dict(sorted(values["datasets"].items()))
    scratch = folder / f".{NAME}.{os.getpid()}"
    try:
        scratch.write_text(json.dumps(values, indent=1, ensure_ascii=False) + "\n", encoding="utf-8", newline="\n")
        os.replace(scratch, folder / NAME)
    finally:
        scratch.unlink(missing_ok=True)


def _anew(folder: Path) -> str:
    return f"remove that file, then {COMMAND} pull {folder}; data that are there already are kept"
