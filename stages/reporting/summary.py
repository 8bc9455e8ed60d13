"""Print the result on the terminal: scores, similarity by level, where the time went, where to look next."""

import sys
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table as Grid

from stages.reporting.paper_tables import similarity
from stages.reporting.results import STAGES, TYPES, find, load_results, order_types
from stages.reporting.run_tables import task_scores
from stages.reporting.tables import Table
from stages.shared.errors import UserError
from stages.shared.files import read_json
from stages.shared.settings import load_settings

TIMINGS = Path("reports/timings")
WIDTH = 1000  # a table takes what it needs; a terminal's own width would cut names short


def main() -> None:
    try:
        settings, results = load_settings(), load_results()
    except UserError as error:
        sys.exit(f"error: summary: {error}")
    console = Console(highlight=False, soft_wrap=True, width=WIDTH)
    params = settings.params
    varied = f"profile {params.profile}, pooling {params.pooling}, curriculum {params.curriculum}"
    console.print(f"\n[bold]Scores[/] in points: {varied}")
    console.print(_scores(results.models))
    if interval := find(results.metrics["evaluation"], "intervals", "mean_task"):
        console.print(
            f"  95% interval of the trained mean: {interval['low']:.1f} to {interval['high']:.1f}; "
            "compare two runs with python -m stages.evaluation.compare"
        )
    console.print("[bold]Tasks[/]")
    console.print(_grid(task_scores(results)))
    console.print("[bold]Mean similarity[/] of the negatives by level, N1 the hardest")
    console.print(_grid(similarity(results, settings)))
    if times := _times():
        console.print("[bold]Where the time went[/] (the last run of each stage)")
        console.print(times)
    console.print("[bold]Where to look next[/]")
    console.print("  reports/index.html   figures, tables, case studies, provenance")
    console.print("  dvc dag              the pipeline           dvc metrics show   every figure")
    console.print("  dvc exp run -S pooling=ata                  then dvc metrics diff")


def _scores(models: dict[str, dict]) -> Grid:
    types = order_types({name for scores in models.values() for name in scores["types"]})
    rows = [
        [model, *(find(scores, "types", name) for name in types), find(scores, "mean_task")]
        for model, scores in models.items()
    ]
    columns = ["model", *(TYPES.get(name, name) for name in types), "mean"]
    return _grid(Table(name="scores", caption="", columns=columns, groups=[("", rows)]))


def _grid(table: Table) -> Grid:
    first, *others = map(escape, table.columns)
    # Words of a heading one below the other: five models and the longest task fit into 80 columns.
    stacked = [name.replace(" ", "\n") for name in others]
    grid = Grid(f"  {first}", *stacked, box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in grid.columns:
        column.vertical = "bottom"
    for column in grid.columns[1:]:
        column.justify = "right"
    for heading, rows in table.groups:
        if len(table.groups) > 1:
            grid.add_row(f"  {heading}")
        indent = "    " if len(table.groups) > 1 else "  "
        for row in rows:
            grid.add_row(indent + escape(row[0]), *(table.cell(value) for value in row[1:]))
    return grid


def _times() -> Grid | None:
    rows = [(name, read_json(path)) for name in (*STAGES, "reporting") if (path := TIMINGS / f"{name}.json").exists()]
    if not rows:
        return None
    total = sum(row["seconds"] for _, row in rows)
    grid = Grid(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    for name, row in rows:
        bar = "█" * round(30 * row["seconds"] / total)
        grid.add_row(f"  {name}", f"{row['seconds']:6.1f} s", f"{row['peak_mib']:5.0f} MiB", bar)
    grid.add_row("  total", f"{total:6.1f} s")
    return grid


if __name__ == "__main__":
    main()
