"""What the times and memory of one group of calls amount to: figures for the bars, notes on the floor, rows."""

from typing import NamedTuple

import torch

from ata_bench import floors
from ata_bench.results import dtype_name, timed
from ata_bench.rows import Row
from ata_bench.shapes import Shape
from ata_bench.timing import Times

COUNTED = ("torch", "triton", "triton+lse")  # the calls that work as the floor is counted


class Group(NamedTuple):
    """Calls that are timed in turn on one shape."""

    shape: Shape
    dtype: torch.dtype
    calls: tuple[str, ...]
    eager: str | None  # the call that the column /eager divides by


class Measured(NamedTuple):
    """By call and direction: times, and extra bytes where they were measured."""

    times: dict[tuple[str, str], Times]
    extra: dict[tuple[str, str], int]

    def ratio(self, call: str, peer: str | None, direction: str) -> float | None:
        """Median over median; None without such a peer."""
        if (peer, direction) not in self.times:
            return None
        return self.times[call, direction].median / self.times[peer, direction].median


def figures_on_cpu(group: Group, measured: Measured) -> dict[str, float]:
    """The figures that there are bars for; without that of memory where it could not be measured."""
    figures = {f"cpu-{way}-to-eager": measured.ratio("torch", group.eager, way) for way in ("forward", "backward")}
    ours, eager = (measured.extra.get((name, "forward+backward")) for name in ("torch", group.eager))
    if ours is not None and eager is not None:
        figures["cpu-memory-to-eager"] = ours / eager
    return figures


def figures_on_gpu(group: Group, measured: Measured) -> dict[str, float]:
    """The figures that there are bars for: beside flash attention, or, in a group with eager attention, beside that."""
    tokens = group.shape.tokens
    if group.eager is None:
        plane = group.shape.batch * group.shape.heads * tokens * floors.FLOAT32
        most = max(measured.extra["triton", way] for way in ("forward", "forward+backward"))
        return {
            f"gpu-{tokens}-forward-to-sdpa": measured.ratio("triton", "sdpa", "forward"),
            f"gpu-{tokens}-forward-with-lse-to-sdpa": measured.ratio("triton+lse", "sdpa", "forward"),
            f"gpu-{tokens}-backward-to-sdpa": measured.ratio("triton", "sdpa", "backward"),
            f"gpu-{tokens}-memory-planes": most / plane,
        }
    if tokens < 4096:  # that eager attention is slower is claimed of long texts alone
        return {}
    ways = ("forward", "forward+backward")
    return {f"gpu-{tokens}-eager-to-{way}": measured.ratio(group.eager, "triton", way) for way in ways}


def notes(group: Group, measured: Measured, rates: floors.Rates) -> list[str]:
    """The rates, what each direction must cost, and how the whole layer compares."""
    special = "special functions not known" if rates.special is None else f"{rates.special / 1e12:.3g} T special/s"
    matrix = f"{rates.matrix / 1e12:.3g} Tflop/s {dtype_name(group.dtype)}"
    found = [f"rates here: {matrix}, {rates.bytes / 1e9:.4g} GB/s, {special}"]
    itemsize = group.dtype.itemsize
    costs = {
        "floor forward": floors.forward(group.shape, itemsize),
        "floor backward": floors.backward(group.shape, itemsize),
    }
    if "triton" in group.calls:
        costs["in tiles, forward without lse"] = floors.forward(group.shape, itemsize, tiles=True)
        costs["in tiles, backward"] = floors.backward(group.shape, itemsize, tiles=True)
    for name, cost in costs.items():
        least = floors.floor(cost, rates)
        counted = f"{cost.matrix / 1e9:.4g} Gflop, {cost.special / 1e9:.3g} G special, {cost.bytes / 1e9:.3g} GB"
        found.append(f"{name}: {counted}: {least.ms:.3g} ms ({least.bound})")
    if not measured.extra:
        found.append("extra memory not measured: /proc/self/clear_refs is not writable here")
    if {"sdpa", "triton", "eager+output"} <= set(group.calls):
        for way in ("forward", "forward+backward"):
            ours = sum(measured.times[name, way].median for name in ("sdpa", "triton"))
            times = measured.times["eager+output", way].median / ours
            found.append(f"whole layer {way}: eager+output takes {times:.2f} times as long as sdpa and triton together")
    return found


def rows(group: Group, measured: Measured, rates: floors.Rates, provenance: dict[str, str]) -> list[Row]:
    """A row for each call and direction."""
    found = []
    for (name, direction), times in measured.times.items():
        extra = measured.extra.get((name, direction))
        shared = {"case": "operator", "shape": str(group.shape), "dtype": dtype_name(group.dtype)}
        found.append(
            Row(
                **provenance,
                **shared,
                backend=name,
                direction=direction,
                **timed(times),
                extra_mib=None if extra is None else extra / 2**20,
                to_sdpa=measured.ratio(name, "sdpa", direction),
                to_eager=measured.ratio(name, group.eager, direction),
                to_mean=measured.ratio(name, "mean", direction),
                **(_to_floor(group, name, direction, times, rates) if name in COUNTED else {}),
            )
        )
    return found


def _to_floor(group: Group, name: str, direction: str, times: Times, rates: floors.Rates) -> dict[str, float | str]:
    cost = floors.costs(group.shape, group.dtype.itemsize, lse_given=name == "triton+lse")[direction]
    least = floors.floor(cost, rates)
    return {"floor_ms": least.ms, "to_floor": times.median / least.ms, "bound": least.bound}
