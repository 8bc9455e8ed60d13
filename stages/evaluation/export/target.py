"""The folder that is written: never half, and never over what something else has put there."""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stages.shared.errors import UserError
from stages.shared.files import read_json, write_json

MARK = "mgh_ata_export.json"


@contextmanager
def replacing(target: Path, *, overwrite: bool, about: dict) -> Iterator[Path]:
    """An empty folder that becomes `target` when the block ends, and is gone if it ends with an error.

    Args:
        overwrite: whether an earlier export in `target` is replaced.
        about: what is told in the folder's mark, by which an export is known.

    Raises:
        UserError: if `target` is no folder or holds anything that must not be replaced.
    """
    check_target(target, overwrite=overwrite)
    target.parent.mkdir(parents=True, exist_ok=True)
    # Beside `target`, so that it takes a rename; under its name, by which transformers keeps the code of a folder.
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}-") as scratch:
        new, old = Path(scratch) / "new" / target.name, Path(scratch) / "old"
        new.mkdir(parents=True)
        yield new
        write_json(new / MARK, {**about, "files": sorted([*_files(new), MARK])})
        _open_to_readers(new)
        if target.exists():
            target.rename(old)
        try:
            new.rename(target)
        except BaseException:
            if old.exists():
                old.rename(target)
            raise


def _open_to_readers(folder: Path) -> None:
    """safetensors writes for the owner alone; all files get the permissions that files get here."""
    mode = (folder / MARK).stat().st_mode
    for name in _files(folder):
        (folder / name).chmod(mode)


def check_target(target: Path, *, overwrite: bool) -> None:
    """Raise UserError unless `target` may be written: not there, empty, or with `overwrite` an unchanged export."""
    if not target.exists():
        return
    if not target.is_dir():
        raise UserError(f"{target} is a file", next="name a folder that is new or empty")
    if not any(target.iterdir()):
        return
    if not overwrite:
        raise UserError(f"{target} is not empty", next="name another folder, or replace an earlier export: --overwrite")
    elsewhere = "name another folder, or remove this one yourself"
    written = _written(target)
    if written is None:
        raise UserError(f"{target} is not an export of ours ({MARK} is missing): nothing is deleted", next=elsewhere)
    if foreign := sorted(_files(target) - written):
        shown = ", ".join(foreign[:3]) + (", ..." if len(foreign) > 3 else "")
        raise UserError(f"{target} holds what no export wrote ({shown}): nothing is deleted", next=elsewhere)


def _written(target: Path) -> set[str] | None:
    """The files that an export says that it wrote to `target`; None if there was none."""
    try:
        return set(read_json(target / MARK)["files"])
    except (OSError, json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError):
        return None


def _files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}
