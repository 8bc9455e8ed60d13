"""One table, three formats: Markdown to read, LaTeX to cite, CSV to compute with."""

import csv
import io
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from stages.shared.files import write_text


class Estimate(NamedTuple):
    """A value and the bounds of its interval: one cell to read, three columns in CSV."""

    value: float
    low: float | None = None
    high: float | None = None


Cell = str | float | Estimate | None

PIPE = r"\|"
LATEX = {
    **{character: f"\\{character}" for character in "&%_#${}"},
    **{"<": "$<$", ">": "$>$", "–": "--"},
    **{"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"},
}
"""What LaTeX would misread, in task names and in the names of models, which users choose."""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under headings that say whose figures they are. Floats are shown with `digits` decimals, None as a dash."""

    name: str
    caption: str
    columns: list[str]
    groups: list[tuple[str, list[list[Cell]]]]  # heading, rows
    digits: int = 1

    def cell(self, value: Cell) -> str:
        """`value` as a reader sees it."""
        if value is None:
            return "–"
        if isinstance(value, Estimate):
            bounds = "" if value.low is None else f" [{self.cell(value.low)}, {self.cell(value.high)}]"
            return self.cell(value.value) + bounds
        return f"{value:.{self.digits}f}" if isinstance(value, float) else str(value)

    def write(self, folder: str | Path) -> None:
        """Write `<name>.md`, `.tex` and `.csv` to `folder`."""
        for suffix, render in {"md": markdown, "tex": latex, "csv": to_csv}.items():
            write_text(Path(folder) / f"{self.name}.{suffix}", render(self))


def markdown(table: Table) -> str:
    """A GitHub table for each group, with the caption above."""
    lines = [table.caption, ""]
    for heading, rows in table.groups:
        align = [":--" if isinstance(_first(rows, column), str) else "--:" for column in range(len(table.columns))]
        lines += [f"**{heading}**", "", _line(table.columns), _line(align)]
        lines += [_line([table.cell(value) for value in row]) for row in rows]
        lines.append("")
    return "\n".join(lines)


def latex(table: Table) -> str:
    """A booktabs table with a rule and a heading for each group."""
    width = len(table.columns)
    texts = sum(isinstance(_first(table.groups[0][1], column), str) for column in range(width))
    lines = [
        "% \\usepackage{booktabs}",
        "\\begin{table}",
        f"\\caption{{{_escape(table.caption)}}}",
        f"\\begin{{tabular}}{{{'l' * texts}{'r' * (width - texts)}}}",
        "\\toprule",
        " & ".join(map(_escape, table.columns)) + r" \\",
    ]
    for heading, rows in table.groups:
        lines += ["\\midrule", f"\\multicolumn{{{width}}}{{l}}{{\\emph{{{_escape(heading)}}}}} " + r"\\"]
        lines += [" & ".join(_escape(table.cell(value)) for value in row) + r" \\" for row in rows]
    lines += ["\\bottomrule", "\\end{tabular}", "\\end{table}", ""]
    return "\n".join(lines)


def to_csv(table: Table) -> str:
    """Full precision; the first column, `origin`, holds the group's heading, a missing value is empty.

    A column of estimates is followed by two with their bounds, `<column> low` and `<column> high`.
    """
    everything = [row for _, rows in table.groups for row in rows]
    wide = [any(isinstance(row[column], Estimate) for row in everything) for column in range(len(table.columns))]
    header = [
        [name, f"{name} low", f"{name} high"] if three else [name]
        for name, three in zip(table.columns, wide, strict=True)
    ]
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["origin", *chain.from_iterable(header)])
    for heading, rows in table.groups:
        for row in rows:
            cells = [_three(value) if three else [value] for value, three in zip(row, wide, strict=True)]
            writer.writerow([heading, *("" if value is None else value for value in chain.from_iterable(cells))])
    return buffer.getvalue()


def _three(value: float | Estimate | None) -> tuple[Cell, ...]:
    return value if isinstance(value, Estimate) else (value, None, None)


def _first(rows: list[list[Cell]], column: int) -> Cell:
    return next((row[column] for row in rows if row[column] is not None), None)


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cell.replace('|', PIPE) for cell in cells)} |"


def _escape(text: str) -> str:
    return "".join(LATEX.get(character, character) for character in text)
