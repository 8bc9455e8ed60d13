"""The files of one data set in the mirror: what is there, its hashes, and how both differ from the lock."""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from tqdm import tqdm

from stages.evaluation.mirror.lock import FileEntry

BLOCK = 1 << 20
UNITS = ("KiB", "MiB", "GiB")


@dataclass(frozen=True)
class Problem:
    """One file of a data set that is not as the lock has it; `path` is relative to the data set's folder."""

    path: str
    state: Literal["missing", "changed", "unknown"]


def scan(folder: Path) -> dict[str, int]:
    """Relative path -> bytes of every file below `folder`; hidden ones, which nothing reads, are left out."""
    sizes = {}
    for root, folders, names in os.walk(folder, followlinks=True):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(root, name)
            if not name.startswith(".") and path.is_file():
                sizes[path.relative_to(folder).as_posix()] = path.stat().st_size
    return sizes


def digest(path: Path) -> str:
    """The SHA-256 of a file in hex digits, computed once per process as long as size and time stay as they are."""
    stat = path.stat()
    return _digest(path.resolve(), stat.st_size, stat.st_mtime_ns)


def hash_files(folder: Path, *, progress: tqdm | None = None) -> dict[str, FileEntry]:
    """Size and hash of every file below `folder`; `progress` counts bytes."""
    entries = {}
    for path, size in scan(folder).items():
        entries[path] = FileEntry(size=size, sha256=digest(folder / path))
        if progress is not None:
            progress.update(size)
    return entries


def problems(
    folder: Path, files: dict[str, FileEntry], *, hashes: bool = True, progress: tqdm | None = None
) -> Iterator[Problem]:
    """Yield what differs from the locked `files`: the missing and the changed in their order, then the unknown.

    An unknown file counts, because `datasets` reads by pattern and would take it for data. With `hashes=False` a file
    is changed only if its size is.
    """
    sizes = scan(folder)
    for path, entry in files.items():
        if path not in sizes:
            yield Problem(path, "missing")
        elif sizes[path] != entry.size or (hashes and digest(folder / path) != entry.sha256):
            yield Problem(path, "changed")
        if progress is not None:
            progress.update(entry.size)
    for path in sorted(sizes.keys() - files.keys()):
        yield Problem(path, "unknown")


def readable(size: int) -> str:
    """Bytes for people: 512 B, 1.5 KiB, 3.2 GiB."""
    if size < 1024:
        return f"{size} B"
    power = min((size.bit_length() - 1) // 10, len(UNITS))
    return f"{size / 1024**power:.1f} {UNITS[power - 1]}"


@cache
def _digest(path: Path, size: int, mtime_ns: int) -> str:  # noqa: ARG001 (size and time tell its states apart)
    found = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            found.update(block)
    return found.hexdigest()
