"""Rows of the CSV file: what was measured, on which machine, with which versions."""

from dataclasses import dataclass

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
