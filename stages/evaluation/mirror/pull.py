"""Copies data sets from the Hub into the mirror, one after the other, and writes the lock after each."""

import shutil
from collections.abc import Iterable
from pathlib import Path

import mteb
from huggingface_hub.utils import logging
from tqdm import tqdm

from stages.evaluation.mirror import hub
from stages.evaluation.mirror.files import hash_files, problems, readable, scan
from stages.evaluation.mirror.hub import HubFile
from stages.evaluation.mirror.lock import NAME, DataSetEntry, FileEntry, Lock, read_lock, write_lock
from stages.evaluation.mirror.needs import DataSetError, Need, entries, refuse_two_revisions


def pull(folder: Path, needs: list[Need]) -> list[str]:
    """Make `folder` hold all of `needs`; returns a line for each data set that failed.

    A data set that is there as locked is not fetched again. Raises UserError where going on has no point: no network,
    a full disk, a lock that cannot be read.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = read_lock(folder) if (folder / NAME).exists() else Lock()
    failed = []
    logging.set_verbosity_error()  # instead of a line for each try at a network that is not there
    with tqdm(needs, desc="mirror", unit="data set", disable=None) as progress:
        for need in progress:
            progress.set_postfix_str(need.repository)
            try:
                entry, what = _one(folder, lock, need, progress)
            except DataSetError as error:
                failed.append(f"{need.repository}, for {need.names}: {error}")
                progress.write(f"{need.repository}: failed")
                continue
            lock = Lock(datasets=lock.datasets | {need.repository: entry})
            write_lock(folder, lock)
            counted = f"{len(entry.files)} files, {readable(entry.size)}"
            progress.write(f"{need.repository} at {entry.revision[:7]}: {what}, {counted}")
    print(f"{folder}: {len(lock.datasets)} data sets, {readable(sum(entry.size for entry in lock.datasets.values()))}")
    return failed


def _one(folder: Path, lock: Lock, need: Need, progress: tqdm) -> tuple[DataSetEntry, str]:
    known = lock.datasets.get(need.repository)
    refuse_two_revisions(known, need)
    same = known is not None and known.revision == need.revision
    tasks = entries(need.tasks, known.tasks if same else {})
    if same and not any(problems(folder / need.repository, known.files)):
        return known.model_copy(update={"tasks": tasks, "mteb_version": mteb.__version__}), "there already"
    files = _fetch(folder / need.repository, need, known, progress)
    entry = DataSetEntry(revision=need.revision, origin="hub", mteb_version=mteb.__version__, files=files, tasks=tasks)
    return entry, "fetched"


def _fetch(target: Path, need: Need, known: DataSetEntry | None, progress: tqdm) -> dict[str, FileEntry]:
    """Download, and compare each file with the Hub's own hash; one that differs is removed, so that it comes anew."""
    wanted = {file.path: file for file in hub.listing(need.repository, need.revision)}
    progress.set_postfix_str(f"{need.repository}, {readable(sum(file.size for file in wanted.values()))}")
    _require_space(target, wanted)
    hub.download(need.repository, need.revision, target)
    for path in (known.files if known is not None else {}).keys() - wanted.keys():  # of the revision before
        (target / path).unlink(missing_ok=True)
    found = hash_files(target)
    if unknown := found.keys() - wanted.keys():
        raise DataSetError(f"files that the Hub does not have are in {target}, remove them: {_some(unknown)}")
    if missing := wanted.keys() - found.keys():
        raise DataSetError(f"files did not arrive: {_some(missing)}")
    if bad := [path for path in wanted if not hub.has_hash(target / path, found[path].sha256, wanted[path])]:
        for path in bad:
            (target / path).unlink()
        raise DataSetError(f"files arrived damaged and were removed, pull again: {_some(bad)}")
    hub.forget_download(target)
    return found


def _require_space(target: Path, wanted: dict[str, HubFile]) -> None:
    there = scan(target) if target.exists() else {}
    missing = sum(file.size for path, file in wanted.items() if there.get(path) != file.size)
    place = next(path for path in (target, *target.parents) if path.exists())
    free = shutil.disk_usage(place).free
    if missing > free:
        raise hub.disk_full(target, f": {readable(missing)} are to come, {readable(free)} are free")


def _some(paths: Iterable[str]) -> str:
    listed = sorted(paths)
    return ", ".join(listed[:5]) + (f" and {len(listed) - 5} more" if len(listed) > 5 else "")
