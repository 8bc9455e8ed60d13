"""Rows of the CSV file: what was measured, on which machine, with which versions."""

from dataclasses import dataclass

PACKAGES = ("mteb", "torch", "transformers", "sentence_transformers", "datasets", "numpy")


@dataclass(frozen=True)
class Row:
    """One measure of one side in one case."""

    date: str
    machine: str
    python: str
    mteb: str
    torch: str
    transformers: str
    sentence_transformers: str
    datasets: str
    numpy: str
    commit: str
    case: str
    workload: str
    client: str  # ours or peer
    measure: str  # with its unit
    runs: int
    value_20: float  # quantiles over the runs
    value_50: float
    value_80: float
    to_peer: float | None = None  # median over the rounds of the ratio to the peer
