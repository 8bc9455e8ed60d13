"""What a case is given, and the parts that its rows share."""

from collections.abc import Callable
from typing import NamedTuple

from ata_bench.timing import Times


class Options(NamedTuple):
    """Of one run."""

    device: str  # cpu or cuda
    quick: bool
    provenance: dict[str, str]
    step: Callable[[str], None]  # called with what is about to be done


def timed(times: Times) -> dict[str, float | str]:
    """The fields of a row that say how long it took."""
    low, middle, high = times.quantiles
    return {"timer": times.timer, "ms_20": low, "ms_50": middle, "ms_80": high}


def dtype_name(dtype) -> str:
    """As in torch, without the module."""
    return str(dtype).removeprefix("torch.")
