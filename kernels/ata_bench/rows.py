"""Rows of the CSV file: what was measured, on which machine, with which versions."""

from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version

import torch
from benching.csv_rows import commit, processor


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


def provenance(device: str) -> dict[str, str]:
    """The fields of a row that are the same for the whole run."""
    versions = {name: _version(name) for name in ("torch", "triton", "transformers")}
    date = datetime.now(UTC).isoformat(timespec="seconds")
    return {"date": date, "device": device_name(device), "commit": commit()} | versions


def device_name(device: str) -> str:
    """The GPU's name, or the processor's with its threads."""
    if device == "cuda":
        return torch.cuda.get_device_name()
    return f"{processor()}, {torch.get_num_threads()} threads"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
