"""One table, three formats: Markdown to read, LaTeX to cite, CSV to compute with."""

import csv
import io
from dataclasses import dataclass
from pathlib import Path

from stages.shared.files import write_text

Cell = str | float | None


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
    """Full precision; the first column, `origin`, holds the group's heading, a missing value is empty."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["origin", *table.columns])
    for heading, rows in table.groups:
        writer.writerows([heading, *("" if value is None else value for value in row)] for row in rows)
    return buffer.getvalue()


def _first(rows: list[list[Cell]], column: int) -> Cell:
    return next((row[column] for row in rows if row[column] is not None), None)


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _escape(text: str) -> str:
    replacements = {"&": r"\&", "%": r"\%", "_": r"\_", "#": r"\#", ">": r"$>$", "–": "--"}
    return "".join(replacements.get(character, character) for character in text)
