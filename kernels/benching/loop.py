"""The run of a bench: its cases one after the other, their tables and rows, and the bars at the end."""

import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tqdm import tqdm

from benching import table
from benching.bars import Bar, lines
from benching.csv_rows import append
from benching.processes import WrongResult
from benching.table import Result

Step = Callable[[str], None]
"""Called with what is about to be done."""

INTERRUPTED = 130


def run_cases(
    cases: Mapping[str, Callable[[Step], Result | Iterable[Result]]],
    *,
    bars: Sequence[Bar],
    row: type,
    csv: Path | None,
    about: str,
) -> int:
    """Run the cases and print all of it; 0, 1 if a case went wrong, 130 after Ctrl-C or SIGTERM.

    A case that goes wrong gives no figure and costs no other one. `csv` gets each result's `row`s at once; without a
    file nothing is written and no bar judged. `about` is printed before the bars.
    """
    figures, refusals, stopped = {}, [], False
    with tqdm(unit=" steps", bar_format="{desc} [{n_fmt} steps, {elapsed}]") as bar, _terminable():
        try:
            for name, case in cases.items():
                try:
                    for result in _results(case(lambda text: _step(bar, text))):
                        bar.write(table.render(result) + "\n")
                        if csv is not None and result.rows:
                            figures |= result.figures
                            append(csv, row, result.rows)
                except WrongResult as error:
                    refusals.append(f"{name}: refused, no figure from a run that went wrong:\n{error}")
        except KeyboardInterrupt:
            stopped = True
    for refusal in refusals:
        print(refusal, file=sys.stderr)
    if stopped:
        print("stopped; what is done is kept", file=sys.stderr)
    rows = "quick: no rows written, no bar judged" if csv is None else f"rows are added to {csv}"
    print("\n".join([rows, about, *lines(bars, figures)]))
    return INTERRUPTED if stopped else int(bool(refusals))


def about(found: Mapping[str, str], packages: Sequence[str]) -> str:
    """Where figures come from, of what `provenance(packages)` found."""
    versions = ", ".join(f"{name} {found[name]}" for name in ("python", *packages))
    return f"on {found['machine']}, {versions}"


@contextmanager
def _terminable() -> Iterator[None]:
    """Within it SIGTERM stops as Ctrl-C does: processes end and temporary folders go."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _results(found: Result | Iterable[Result]) -> Iterable[Result]:
    return [found] if isinstance(found, Result) else found


def _step(bar: tqdm, text: str) -> None:
    bar.update()
    bar.set_description_str(text)
