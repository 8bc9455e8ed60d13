"""The run of a bench: its cases one after the other, their tables and rows, and the bars at the end."""

import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
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
    cases: Mapping[str, Callable[[Step], Result]],
    *,
    bars: Sequence[Bar],
    row: type,
    csv: Path | None,
    about: Sequence[str],
) -> int:
    """Run the cases and print all of it; 0, 1 if a case went wrong, 130 after Ctrl-C or SIGTERM.

    A case that goes wrong gives no figure and costs no other one. `csv` gets the `row`s of each case when it is done;
    without a file nothing is written and no bar judged. `about` is printed before the bars.
    """
    figures, refusals, stopped = {}, [], False
    with tqdm(unit=" steps", bar_format="{desc} [{n_fmt} steps, {elapsed}]") as bar, _terminable():
        try:
            for name, case in cases.items():
                try:
                    result = case(lambda text: _step(bar, text))
                except WrongResult as error:
                    refusals.append(f"{name}: refused, no figure from a run that went wrong:\n{error}")
                    continue
                bar.write(table.render(result) + "\n")
                if csv is not None and result.rows:
                    figures |= result.figures
                    append(csv, row, result.rows)
        except KeyboardInterrupt:
            stopped = True
    for refusal in refusals:
        print(refusal, file=sys.stderr)
    if stopped:
        print("stopped; what is done is kept", file=sys.stderr)
    print("\n".join([*about, *lines(bars, figures)]))
    return INTERRUPTED if stopped else int(bool(refusals))


@contextmanager
def _terminable() -> Iterator[None]:
    """Within it SIGTERM stops as Ctrl-C does: processes end and temporary folders go."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _step(bar: tqdm, text: str) -> None:
    bar.update()
    bar.set_description_str(text)
