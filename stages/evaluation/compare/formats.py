"""A comparison as text, Markdown, CSV or JSON."""

import csv
import io
import json
from dataclasses import asdict

from rich.console import Console
from rich.table import Table as Grid

from stages.evaluation.compare.comparison import SIGNIFICANT, Comparison, Line
from stages.evaluation.compare.data import doubts
from stages.evaluation.compare.pairing import Revisions

COLUMNS = ("n", "A", "B", "B − A", "95% interval", "p")


def render(comparison: Comparison, form: str) -> str:
    """`comparison` in one of the formats text, markdown, csv, json; the last two in full precision."""
    return {"text": _text, "markdown": _markdown, "csv": _csv, "json": _json}[form](comparison)


def notes(comparison: Comparison) -> list[str]:
    """What a reader must know beside the table: the verdict, how p is meant, and what was not compared."""
    pairing = comparison.pairing
    beyond = [line.name for line in comparison.lines if line.beyond_chance]
    tasks, types = len(comparison.task_lines), len(comparison.type_lines)
    said = [
        f"Beyond chance (p below {SIGNIFICANT}): {', '.join(beyond)}."
        if beyond
        else f"No difference is beyond chance: no p is below {SIGNIFICANT}.",
        f"Points; {comparison.resamples:,} paired bootstrap resamples of the samples, the tasks being fixed. p is "
        f"corrected (Holm) over {tasks} tasks and over {types} types; those of the means are not.",
    ]
    for side, only in (("A", pairing.only_first), ("B", pairing.only_second)):
        if only:
            said.append(f"Only in {side}, in no mean here: {', '.join(only)}.")
    return said + [f"Warning: {warning}" for warning in warnings(comparison)]


def warnings(comparison: Comparison) -> list[str]:
    """What was not compared although both have it, and what may make scores differ beside the models."""
    pairing = comparison.pairing
    said = [f"{task}: not compared, {_told(*revisions)}" for task, revisions in pairing.other_data.items()]
    for task, (first, second) in pairing.unpaired.items():
        said.append(f"{task}: left out {first:,} samples that only A has and {second:,} that only B has.")
    return said + doubts(comparison.first, comparison.second, [line.name for line in comparison.task_lines])


def _told(first: Revisions, second: Revisions) -> str:
    """How the data of a task differ; of many parts only those that do."""
    parts = [part for part in first | second if first.get(part) != second.get(part)]
    ours, theirs = (", ".join(str(side.get(part, "none")) for part in parts) for side in (first, second))
    return f"A has revision {ours} of its data, B has {theirs}."


def _text(comparison: Comparison) -> str:
    buffer = io.StringIO()
    console = Console(file=buffer, highlight=False, soft_wrap=True, width=200)
    console.print(f"A  {comparison.first}\nB  {comparison.second}", markup=False)
    grid = Grid("  task", *COLUMNS, box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in grid.columns[1:]:
        column.justify = "right"
    for heading, lines in _groups(comparison):
        if heading:
            grid.add_row(heading)
        for line in lines:
            grid.add_row(f"  {line.name}", *_cells(line))
    console.print(grid)
    for note in notes(comparison):
        console.print(note, markup=False)
    return "\n".join(line.rstrip() for line in buffer.getvalue().splitlines()) + "\n"


def _markdown(comparison: Comparison) -> str:
    lines = [f"- A: {comparison.first}", f"- B: {comparison.second}"]
    lines += ["", f"| task | {' | '.join(COLUMNS)} |", f"| :-- |{' --: |' * len(COLUMNS)}"]
    for heading, group in _groups(comparison):
        if heading:
            lines.append(f"| **{heading}** |{' |' * len(COLUMNS)}")
        lines += [f"| {line.name} | {' | '.join(_cells(line))} |" for line in group]
    return "\n".join([*lines, "", *(f"{note}\n" for note in notes(comparison))])


def _csv(comparison: Comparison) -> str:
    buffer = io.StringIO()
    rows = [{"level": level, **fields} for level, line in _levels(comparison) for fields in [_fields(line)]]
    writer = csv.DictWriter(buffer, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue()


def _json(comparison: Comparison) -> str:
    pairing = comparison.pairing
    value = {
        **{
            side: {"run": run.name, "commit": run.commit or None, "model": run.model}
            for side, run in (("a", comparison.first), ("b", comparison.second))
        },
        "resamples": comparison.resamples,
        "tasks": [{"type": comparison.types[line.name], **_fields(line)} for line in comparison.task_lines],
        "types": [_fields(line) for line in comparison.type_lines],
        "means": [_fields(line) for line in comparison.mean_lines],
        "only_in_a": pairing.only_first,
        "only_in_b": pairing.only_second,
        "unpaired_samples": {task: {"a": first, "b": second} for task, (first, second) in pairing.unpaired.items()},
        "other_data": {task: {"a": first, "b": second} for task, (first, second) in pairing.other_data.items()},
        "warnings": warnings(comparison),
        "beyond_chance": [line.name for line in comparison.lines if line.beyond_chance],
    }
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _groups(comparison: Comparison) -> list[tuple[str, list[Line]]]:
    return [("", comparison.task_lines), ("by type", comparison.type_lines), ("overall", comparison.mean_lines)]


def _levels(comparison: Comparison) -> list[tuple[str, Line]]:
    groups = zip(("task", "type", "mean"), _groups(comparison), strict=True)
    return [(level, line) for level, (_, lines) in groups for line in lines]


def _fields(line: Line) -> dict:
    names = {"first": "a", "second": "b", "p_value": "p", "corrected": "p_corrected"}
    return {names.get(name, name): value for name, value in asdict(line).items()}


def _cells(line: Line) -> list[str]:
    interval = "–" if line.low is None else f"{_signed(line.low)} to {_signed(line.high)}"
    scores = [f"{line.first:.2f}", f"{line.second:.2f}", _signed(line.difference)]
    return [f"{line.samples:,}", *scores, interval, _probability(line)]


def _signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", "−")


def _probability(line: Line) -> str:
    if line.corrected is None:
        return "–"
    shown = "<0.001" if line.corrected < 0.001 else f"{line.corrected:.3f}"
    return f"{shown} *" if line.beyond_chance else shown
