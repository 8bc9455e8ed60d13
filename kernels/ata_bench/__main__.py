"""Measure ATA pooling beside its peers. Nothing is timed before it has been checked against a float64 definition.

Ends with one line for each bar: BAR <name> <figure> <bar> holds|short|not-run.
"""

import argparse
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import torch
from benching.csv_rows import check_header
from benching.loop import Step, run_cases
from benching.table import Result

from ata_bench import encode_case, operator_case
from ata_bench.bars import BARS
from ata_bench.results import Options
from ata_bench.rows import Row, provenance
from ata_bench.table import LEGEND

CASES = {"operator": operator_case.run, "encode": encode_case.run}
ON = {"cpu": ("operator",), "cuda": ("operator", "encode")}
CSV = Path("reports/bench/ata_pooling.csv")


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; 0, 1 if a case went wrong, 2 if the command cannot be followed, 130 after Ctrl-C."""
    parser, given = _parse(arguments)
    device = given.device or ("cuda" if torch.cuda.is_available() else "cpu")
    if device == "cuda" and not torch.cuda.is_available():
        parser.error("--device cuda: PyTorch sees no GPU here; use --device cpu")
    if given.only and given.only not in ON[device]:
        parser.error(f"--only {given.only}: runs on a GPU alone; on {device}: {', '.join(ON[device])}")
    try:
        check_header(given.csv, Row)  # before minutes are spent
    except ValueError as error:
        parser.error(str(error))
    found = provenance(device)
    names = [given.only] if given.only else ON[device]
    return run_cases(
        {name: partial(_case, name, device, given.quick, found) for name in names},
        bars=BARS,
        row=Row,
        csv=None if given.quick else given.csv,
        about=f"{LEGEND}\non {found['device']}, torch {torch.__version__}",
    )


def _case(name: str, device: str, quick: bool, found: dict[str, str], step: Step) -> Iterator[Result]:
    return CASES[name](Options(device, quick, found, step))


def _parse(arguments: list[str] | None) -> tuple[argparse.ArgumentParser, argparse.Namespace]:
    parser = argparse.ArgumentParser(
        prog="python -m ata_bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--device", choices=("cpu", "cuda"), help="default: cuda where there is a GPU; each has its own cases and bars")
    add("--only", choices=tuple(CASES), metavar="NAME", help=f"one case alone: {', '.join(CASES)} (encode needs a GPU)")
    add("--quick", action="store_true", help="try it: short texts, few rounds, no rows written, no bar judged")
    add("--csv", type=Path, default=CSV, metavar="FILE", help="where rows are added; default: %(default)s")
    return parser, parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
