"""The short table on screen."""

from collections.abc import Sequence

from ata_bench.rows import Row

COLUMNS = {  # heading: field of a row, format
    "ms": ("ms_50", "{:.4g}"),
    "20%": ("ms_20", "{:.4g}"),
    "80%": ("ms_80", "{:.4g}"),
    "extra MiB": ("extra_mib", "{:.1f}"),
    "/sdpa": ("to_sdpa", "{:.4g}"),
    "/eager": ("to_eager", "{:.4g}"),
    "/mean": ("to_mean", "{:.4g}"),
    "floor ms": ("floor_ms", "{:.4g}"),
    "/floor": ("to_floor", "{:.3g}"),
    "timer": ("timer", "{}"),
}
LEGEND = (
    "ms: median, with 20% and 80% quantiles; extra MiB: at the peak, beyond inputs (on a GPU also beyond outputs and\n"
    "gradients); /sdpa, /eager, /mean: this median over that of flash attention of the same layer, of attention with\n"
    "its matrix, of mean pooling; floor: what the operations and bytes must take at the rates measured here"
)


def cells(rows: Sequence[Row]) -> list[list[str]]:
    """The headings, then a line for each row; columns without a figure are left out."""
    columns = {head: place for head, place in COLUMNS.items() if any(_cell(row, *place) for row in rows)}
    lines = [[row.backend, row.direction, *(_cell(row, *place) or "-" for place in columns.values())] for row in rows]
    return [["backend", "direction", *columns], *lines]


def _cell(row: Row, field: str, shape: str) -> str:
    value = getattr(row, field)
    return "" if value is None else shape.format(value)
