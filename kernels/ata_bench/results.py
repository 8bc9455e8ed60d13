"""What a case hands to the table, the CSV file and the bars, and the parts that its rows share."""

from collections.abc import Callable
from typing import NamedTuple

from ata_bench.rows import Row
from ata_bench.timing import Times


class Options(NamedTuple):
    """Of one run."""

    device: str  # cpu or cuda
    quick: bool
    provenance: dict[str, str]
    step: Callable[[str], None]  # called with what is about to be done


class Result(NamedTuple):
    """Of one case at one shape."""

    title: str
    notes: list[str]
    rows: list[Row]
    figures: dict[str, float]  # by name of bar


def timed(times: Times) -> dict[str, float | str]:
    """The fields of a row that say how long it took."""
    low, middle, high = times.quantiles
    return {"timer": times.timer, "ms_20": low, "ms_50": middle, "ms_80": high}


def dtype_name(dtype) -> str:
    """As in torch, without the module."""
    return str(dtype).removeprefix("torch.")
