"""Rows of the CSV file: what was measured, on which machine, with which versions."""

import csv
import platform
import subprocess
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch


@dataclass(frozen=True)
class Row:
    """One call in one direction. Figures are None where there is none; times in ms, memory in MiB."""

    date: str
    device: str
    torch: str
    triton: str
    transformers: str
    commit: str
    case: str
    backend: str
    shape: str
    dtype: str
    direction: str
    timer: str  # graph, events or clock
    ms_20: float
    ms_50: float
    ms_80: float
    extra_mib: float | None = None  # beyond inputs; on a GPU also beyond outputs and gradients
    to_sdpa: float | None = None  # this median over the peer's of the same direction
    to_eager: float | None = None
    to_mean: float | None = None
    floor_ms: float | None = None
    to_floor: float | None = None
    bound: str | None = None  # the unit that the floor waits for: matrix, special, bytes


HEADER = [field.name for field in fields(Row)]


def provenance(device: str) -> dict[str, str]:
    """The fields of a row that are the same for the whole run."""
    versions = {name: _version(name) for name in ("torch", "triton", "transformers")}
    date = datetime.now(UTC).isoformat(timespec="seconds")
    return {"date": date, "device": device_name(device), "commit": _commit()} | versions


def device_name(device: str) -> str:
    """The GPU's name, or the processor's with its threads."""
    if device == "cuda":
        return torch.cuda.get_device_name()
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{models[0] if models else platform.machine()}, {torch.get_num_threads()} threads"


def check_header(path: Path) -> None:
    """Raise ValueError if `path` has another header than this version writes."""
    if not path.exists() or not path.stat().st_size:
        return
    with path.open(encoding="utf-8", newline="") as file:
        found = next(csv.reader(file), [])
    if found != HEADER:
        raise ValueError(
            f"{path} has the columns {','.join(found)}; this version writes {','.join(HEADER)}. Move that file "
            "away, or name another with --csv"
        )


def append(path: Path, rows: list[Row]) -> None:
    """Add `rows` to `path`, with a header if it is new or empty. Raises ValueError as `check_header` does."""
    check_header(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, HEADER, lineterminator="\n")
        if not file.tell():
            writer.writeheader()
        writer.writerows({name: _short(value) for name, value in asdict(row).items()} for row in rows)


def _short(value):
    return f"{value:.5g}" if isinstance(value, float) else value


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _commit() -> str:
    """Of the checkout that this file is in, `-dirty` with changes; empty where there is no git or no checkout."""
    command = ["git", "describe", "--always", "--dirty", "--exclude=*"]
    try:
        done = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()
