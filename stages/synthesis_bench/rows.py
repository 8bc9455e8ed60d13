"""Rows of the CSV file: what was measured, on which machine, with which versions."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

PACKAGES = ("openai", "aiohttp", "uvloop")


@dataclass(frozen=True)
class Row:
    """One measure of one client in one case."""

    date: str
    machine: str
    python: str
    openai: str
    aiohttp: str
    uvloop: str
    distilabel: str  # empty where it did not run
    commit: str
    case: str
    client: str
    workload: str
    measure: str  # with its unit
    runs: int
    value_20: float  # quantiles over the runs
    value_50: float
    value_80: float
    to_loop: float | None = None  # median over the rounds of the ratio to the bare loop


def distilabel_version(interpreter: Path) -> str:
    """Raises ValueError where `interpreter` has no distilabel."""
    command = [str(interpreter), "-c", "from importlib.metadata import version; print(version('distilabel'))"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError) as error:
        raise ValueError(f"{interpreter} does not run, or has no distilabel: {error}") from error
