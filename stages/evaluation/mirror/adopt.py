"""Writes the lock of a folder whose data were put there by hand, or copied without one."""

from pathlib import Path

import mteb
from tqdm import tqdm

from stages.evaluation.mirror.files import hash_files, readable, scan
from stages.evaluation.mirror.lock import NAME, DataSetEntry, Lock, read_lock, write_lock
from stages.evaluation.mirror.needs import DataSetError, Need, entries, refuse_two_revisions
from stages.shared.errors import UserError


def adopt(folder: Path, needs: list[Need]) -> list[str]:
    """Lock those of `needs` that are in `folder` as they are; returns a line for each that could not be locked.

    That a data set is at mteb's revision is taken on trust; `verify` compares it with mteb's statistics. Raises
    UserError if none of them is there, or the folder itself is not.
    """
    if not folder.is_dir():
        raise UserError(f"the folder {folder} does not exist", next="name the folder that holds <org>/<name>/ folders")
    lock = read_lock(folder) if (folder / NAME).exists() else Lock()
    sizes = {need.repository: sum(scan(folder / need.repository).values()) for need in needs}
    there = [need for need in needs if sizes[need.repository]]
    if not there:
        raise UserError(
            f"{folder} has the data of none of the tasks", next=f"it should hold folders like {needs[0].repository}/"
        )
    refused = [f"{need.repository} is not there" for need in needs if not sizes[need.repository]]
    total = sum(sizes[need.repository] for need in there)
    with tqdm(total=total, desc="hashing", unit="B", unit_scale=True, disable=None) as progress:
        for need in there:
            known = lock.datasets.get(need.repository)
            try:
                refuse_two_revisions(known, need)
            except DataSetError as error:
                refused.append(f"{need.repository}: {error}")
                continue
            entry = _entry(folder, known, need, progress)
            lock = Lock(datasets=lock.datasets | {need.repository: entry})
            write_lock(folder, lock)
            counted = f"{len(entry.files)} files, {readable(entry.size)}"
            progress.write(f"{need.repository} at {entry.revision[:7]}: {counted}")
    return refused


def _entry(folder: Path, known: DataSetEntry | None, need: Need, progress: tqdm) -> DataSetEntry:
    files = hash_files(folder / need.repository, progress=progress)
    same_revision = known is not None and known.revision == need.revision
    return DataSetEntry(
        revision=need.revision,
        origin=known.origin if same_revision and known.files == files else "folder",
        mteb_version=mteb.__version__,
        files=files,
        tasks=entries(need.tasks, known.tasks if same_revision else {}),
    )
