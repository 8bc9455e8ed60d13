"""The short table on screen."""

from ata_bench.results import Result

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


def render(result: Result) -> str:
    """A title, notes, and a line for each row; columns without a figure are left out."""
    columns = {head: place for head, place in COLUMNS.items() if any(_cell(row, *place) for row in result.rows)}
    cells = [["backend", "direction", *columns]]
    for row in result.rows:
        cells.append([row.backend, row.direction, *(_cell(row, *place) or "-" for place in columns.values())])
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = [
        "  " + "  ".join([*map(str.ljust, line[:2], widths[:2]), *map(str.rjust, line[2:], widths[2:])]).rstrip()
        for line in cells
    ]
    return "\n".join([result.title, *(f"  {note}" for note in result.notes), *lines])


def _cell(row, field: str, shape: str) -> str:
    value = getattr(row, field)
    return "" if value is None else shape.format(value)
