"""Rows of a CSV file, one dataclass each, with what says where they come from."""

import csv
import platform
import statistics
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path


def quantiles(values: Sequence[float]) -> dict[str, float]:
    """The fields of a row that hold `values`, one of each run."""
    low, *_, high = statistics.quantiles(values, n=5, method="inclusive") if len(values) > 1 else (*values, *values)
    names = ("runs", "value_20", "value_50", "value_80")
    return dict(zip(names, (len(values), low, statistics.median(values), high), strict=True))


def header(row: type) -> list[str]:
    """The columns of a file of `row`s."""
    return [field.name for field in fields(row)]


def check_header(path: Path, row: type) -> None:
    """Raise ValueError if `path` has another header than a file of `row`s."""
    if not path.exists() or not path.stat().st_size:
        return
    with path.open(encoding="utf-8", newline="") as file:
        found = next(csv.reader(file), [])
    if found != header(row):
        raise ValueError(
            f"{path} has the columns {','.join(found)}; this version writes {','.join(header(row))}. Move that file "
            "away, or name another with --csv"
        )


def append(path: Path, row: type, rows: Sequence) -> None:
    """Add `rows` to `path`, with a header if it is new or empty. Raises ValueError as `check_header` does."""
    check_header(path, row)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, header(row), lineterminator="\n")
        if not file.tell():
            writer.writeheader()
        writer.writerows({name: _short(value) for name, value in asdict(one).items()} for one in rows)


def processor() -> str:
    """The processor's name where the system tells it, else its architecture."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.machine()


def commit() -> str:
    """Of the checkout that this file is in, `-dirty` with changes; empty where there is no git or no checkout."""
    command = ["git", "describe", "--always", "--dirty", "--exclude=*"]
    try:
        done = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()


def _short(value):
    return f"{value:.5g}" if isinstance(value, float) else value
