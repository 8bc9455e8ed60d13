"""The bars: what a figure must be, and one line for each that says whether it holds."""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple


class Bar(NamedTuple):
    """A limit on one figure."""

    name: str
    sense: Literal["<=", ">="]
    limit: float


def verdict(bar: Bar, figure: float | None) -> str:
    """holds, short, or not-run where there is no figure. A figure that is no number is short."""
    if figure is None:
        return "not-run"
    return "holds" if (figure <= bar.limit if bar.sense == "<=" else figure >= bar.limit) else "short"


def lines(bars: Sequence[Bar], figures: Mapping[str, float]) -> list[str]:
    """`BAR <name> <figure> <bar> <verdict>` for each bar, in order; `-` where there is no figure.

    Raises:
        KeyError: if a figure has no bar.
    """
    if unknown := figures.keys() - {bar.name for bar in bars}:
        raise KeyError(f"no such bar: {', '.join(sorted(unknown))}")
    found = []
    for bar in bars:
        figure = figures.get(bar.name)
        shown = "-" if figure is None else _shown(bar, figure)
        found.append(f"BAR {bar.name} {shown} {bar.sense}{bar.limit:g} {verdict(bar, figure)}")
    return found


def _shown(bar: Bar, figure: float) -> str:
    """Three decimals, more where fewer would show a figure that falls short as one that holds."""
    shown = f"{figure:.3f}"
    return shown if verdict(bar, float(shown)) == verdict(bar, figure) else f"{figure:.9g}"
