"""Rows of the CSV file: what was measured, on which machine, with which versions."""

import os
import platform
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version

from benching.csv_rows import commit, processor

PACKAGES = ("torch", "transformers", "accelerate", "sentence_transformers")


@dataclass(frozen=True)
class Row:
    """One measure of one client in one precision."""

    date: str
    machine: str
    python: str
    torch: str
    transformers: str
    accelerate: str
    sentence_transformers: str
    commit: str
    case: str
    workload: str
    client: str  # ours or peer
    precision: str  # fp32 or bf16
    measure: str  # with its unit
    runs: int
    value_20: float  # quantiles over the runs
    value_50: float
    value_80: float
    to_peer: float | None = None  # median over the rounds of the ratio to the peer in fp32
    to_peer_bf16: float | None = None  # and in bf16


def provenance() -> dict[str, str]:
    """The fields of a row that are the same for the whole run."""
    found = {"date": datetime.now(UTC).isoformat(timespec="seconds"), "machine": machine()}
    found |= {"python": platform.python_version()} | {name: version(name) for name in PACKAGES}
    return found | {"commit": commit()}


def machine() -> str:
    """The processor's name and the cores that may be used."""
    return f"{processor()}, {len(os.sched_getaffinity(0))} cores"
