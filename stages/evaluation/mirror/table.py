"""The table of what a mirror holds."""

from collections import Counter
from pathlib import Path

from stages.evaluation.mirror.files import problems, readable
from stages.evaluation.mirror.lock import DataSetEntry, read_lock

HEAD = ("task", "type", "data set", "revision", "size", "state")


def table(folder: Path) -> str:
    """A line per task, sorted by type and name; sizes are compared, hashes are not. Raises UserError."""
    lock = read_lock(folder)
    rows = []
    for repository, entry in lock.datasets.items():
        state = _state(folder / repository, entry)
        for name, task in entry.tasks.items():
            rows.append((name, task.type, repository, entry.revision[:7], readable(entry.size), state))
    rows.sort(key=lambda row: (row[1], row[0]))
    widths = [max(len(row[column]) for row in (HEAD, *rows)) for column in range(len(HEAD))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in (HEAD, *rows)]
    size = sum(entry.size for entry in lock.datasets.values())
    total = f"{len(rows)} tasks, {len(lock.datasets)} data sets, {readable(size)}"
    return "\n".join([*(line.rstrip() for line in lines), total])


def _state(folder: Path, entry: DataSetEntry) -> str:
    counts = Counter(problem.state for problem in problems(folder, entry.files, hashes=False))
    words = {"missing": "missing", "changed": "of another size", "unknown": "unknown"}
    return ", ".join(f"{counts[state]} {word}" for state, word in words.items() if counts[state]) or "complete"
