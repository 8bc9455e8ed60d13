"""Compares a mirror with its lock, file by file, and its data with mteb's own statistics, task by task."""

from dataclasses import dataclass
from pathlib import Path

import mteb
from tqdm import tqdm

from stages.evaluation.mirror.choices import chosen
from stages.evaluation.mirror.files import problems, scan
from stages.evaluation.mirror.lock import COMMAND, NAME, DataSetEntry
from stages.evaluation.mirror.statistics import Difference, compare, quiet
from stages.evaluation.mirror.use import Mirror
from stages.shared.errors import UserError

LINES = 12  # of the differences of one task


@dataclass
class Tally:
    """What was counted; `good` is what the exit status tells."""

    bad_files: int = 0
    files: int = 0
    equal: int = 0
    differing: int = 0
    numbers: int = 0
    untold: int = 0
    unreadable: int = 0
    trusted: int = 0
    """Differing tasks whose files are byte for byte the Hub's: mteb's statistics are then of other data or code."""

    @property
    def good(self) -> bool:
        return not self.bad_files and not self.unreadable and self.differing == self.trusted


def verify(folder: Path, names: list[str] | None, *, statistics: bool) -> Tally:
    """Print what differs and return the tally. `names` limits it to these tasks and benchmarks. Raises UserError."""
    mirror = Mirror.open(folder)
    wanted = _choose(mirror, names)
    tally = Tally()
    broken = _files(folder, {name: mirror.lock.datasets[name] for name in wanted}, tally)
    if names is None:
        _strangers(mirror)
    if statistics:
        with quiet(), tqdm(total=sum(map(len, wanted.values())), desc="statistics", unit="task", disable=None) as bar:
            for repository, tasks in wanted.items():
                for task in tasks:
                    bar.set_postfix_str(task)
                    if repository not in broken:
                        _task(mirror, repository, task, tally, bar)
                    else:
                        bar.write(f"{task}: not compared, {repository} is not as locked")
                    bar.update()
    _summary(folder, tally, statistics)
    return tally


def _choose(mirror: Mirror, names: list[str] | None) -> dict[str, list[str]]:
    """Repository -> tasks."""
    known = {name: sorted(entry.tasks) for name, entry in mirror.lock.datasets.items()}
    if names is None:
        return known
    locked = {task for tasks in known.values() for task in tasks}
    wanted = locked & set(names)  # also a task that today's mteb does not have
    if others := [name for name in names if name not in wanted]:
        wanted |= {task.metadata.name for task in chosen(others)}
    if unknown := wanted - locked:
        raise UserError(
            f"the lock of {mirror.folder} does not know {', '.join(sorted(unknown))}",
            next=f"{COMMAND} list {mirror.folder} shows the tasks that it knows",
        )
    named = {name: [task for task in tasks if task in wanted] for name, tasks in known.items()}
    return {name: tasks for name, tasks in named.items() if tasks}


def _files(folder: Path, datasets: dict[str, DataSetEntry], tally: Tally) -> set[str]:
    """Name each bad file on a line of its own; returns the repositories that have one."""
    broken = set()
    total = sum(entry.size for entry in datasets.values())
    with tqdm(total=total, desc="hashing", unit="B", unit_scale=True, disable=None) as progress:
        for repository, entry in datasets.items():
            tally.files += len(entry.files)
            for problem in problems(folder / repository, entry.files, progress=progress):
                progress.write(f"{problem.state:<8} {repository}/{problem.path}")
                tally.bad_files += 1
                broken.add(repository)
    return broken


def _strangers(mirror: Mirror) -> None:
    """Name what lies beside the locked data sets. Nothing reads it, so it is no fault."""
    beside = [path for path in scan(mirror.folder) if path != NAME]
    beside = [path for path in beside if "/".join(path.split("/")[:2]) not in mirror.lock.datasets]
    folders = dict.fromkeys("/".join(path.split("/")[:2]) + "/" * (path.count("/") > 1) for path in beside)
    for name in folders:
        print(f"unlocked {name}")


def _task(mirror: Mirror, repository: str, name: str, tally: Tally, bar: tqdm) -> None:
    entry = mirror.lock.datasets[repository]
    expected = entry.tasks[name].statistics
    if expected is None:
        tally.untold += 1
        bar.write(f"{name}: mteb has no statistics of it")
        return
    try:
        found = _compared(mirror, repository, name)
    except UserError as error:
        tally.unreadable += 1
        bar.write(f"{name}: cannot be loaded from {mirror.folder / repository}: {error}")
        return
    if found:
        tally.differing += 1
        tally.numbers += len(found)
        tally.trusted += entry.origin == "hub"
        bar.write("\n".join(_told(name, entry, found)))
    else:
        tally.equal += 1
        bar.write(f"{name}: equal to mteb's statistics")


def _compared(mirror: Mirror, repository: str, name: str) -> list[Difference]:
    """Where the data of a task are not as mteb says. Raises UserError if they cannot be loaded."""
    entry = mirror.lock.datasets[repository]
    task = entry.tasks[name]
    try:
        attached = mirror.attach(mteb.get_task(name, hf_subsets=task.subsets, eval_splits=task.splits))
    except (KeyError, ValueError) as error:
        lacks = "no such task" if isinstance(error, KeyError) else f"none of its subsets {', '.join(task.subsets)}"
        raise UserError(
            f"mteb {mteb.__version__} has {lacks}",
            next=f"use the mteb that the mirror was made with ({entry.mteb_version}), or leave the task out",
        ) from error
    try:
        return compare(attached, task.statistics)
    except UserError:
        raise
    except Exception as error:  # mteb, datasets, pyarrow and polars share no base for data that they cannot read
        raise UserError(_reason(error), next=_other_way(mirror.folder, repository, entry)) from error


def _other_way(folder: Path, repository: str, entry: DataSetEntry) -> str:
    """What may help where files that are as locked cannot be loaded."""
    if entry.origin == "hub":
        return f"the files are the Hub's: use the mteb that the mirror was made with ({entry.mteb_version})"
    return f"move {folder / repository} away, and {COMMAND} pull {folder} fetches the Hub's files"


def _reason(error: BaseException) -> str:
    """The innermost error, which knows what is wrong; the outer ones of `datasets` say that something is."""
    while error.__cause__ is not None:
        error = error.__cause__
    return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"


def _told(name: str, entry: DataSetEntry, found: list[Difference]) -> list[str]:
    lines = [f"{name}: {len(found)} numbers differ from mteb's"]
    lines += [f"  {item.path}: found {item.found}, expected {item.expected}" for item in found[:LINES]]
    if len(found) > LINES:
        lines.append(f"  and {len(found) - LINES} more")
    if entry.origin == "hub":
        lines.append(
            f"  the files are the Hub's at {entry.revision[:7]}, so mteb's statistics are of other data or code"
        )
    if entry.mteb_version != mteb.__version__:
        lines.append(f"  the statistics are of mteb {entry.mteb_version}, this is {mteb.__version__}")
    return lines


def _summary(folder: Path, tally: Tally, statistics: bool) -> None:
    print(f"files: {tally.files} locked, {tally.bad_files} missing, changed or unknown")
    if tally.bad_files:
        print(
            f"  next: {COMMAND} pull {folder} fetches missing and changed files of the profile's tasks, with --task "
            "those of others; remove unknown ones"
        )
    if statistics:
        print(
            f"tasks: {tally.equal} equal to mteb's statistics, {tally.differing} differ in {tally.numbers} numbers, "
            f"{tally.untold} without statistics, {tally.unreadable} cannot be loaded"
        )
