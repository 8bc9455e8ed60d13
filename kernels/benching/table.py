"""What a case of a bench hands over, and its table on screen."""

from collections.abc import Sequence
from typing import Any, NamedTuple


class Result(NamedTuple):
    """Of one case."""

    title: str
    notes: list[str]
    table: list[Sequence[str]]  # lines of cells, the first with the headings
    rows: list[Any]  # dataclasses, for the CSV file
    figures: dict[str, float]  # by name of bar; empty where none may be judged


def render(result: Result) -> str:
    """A title, notes, and lines of cells: numbers to the right, words to the left."""
    columns = [_aligned(column) for column in zip(*result.table, strict=True)]
    lines = ["  " + "  ".join(line).rstrip() for line in zip(*columns, strict=True)]
    return "\n".join([result.title, *(f"  {note}" for note in result.notes), *lines])


def _aligned(column: tuple[str, ...]) -> list[str]:
    width = max(map(len, column))
    numbers = all(cell[:1] in "+-0123456789" for cell in column[1:])
    return [cell.rjust(width) if numbers else cell.ljust(width) for cell in column]
