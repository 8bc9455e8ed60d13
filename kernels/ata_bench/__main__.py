"""Measure ATA pooling beside its peers. Nothing is timed before it has been checked against a float64 definition.

Ends with one line for each bar: BAR <name> <figure> <bar> holds|short|not-run.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import torch
from benching.bars import lines
from benching.csv_rows import append, check_header
from tqdm import tqdm

from ata_bench import bars, encode_case, operator_case, rows, table
from ata_bench.check import WrongResult
from ata_bench.results import Options, Result

CASES = {"operator": operator_case.run, "encode": encode_case.run}
ON = {"cpu": ("operator",), "cuda": ("operator", "encode")}
CSV = Path("reports/bench/ata_pooling.csv")


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; 0, 1 if a result is wrong (then it is not timed), 2 if the command cannot be followed."""
    parser, given = _parse(arguments)
    device = given.device or ("cuda" if torch.cuda.is_available() else "cpu")
    if device == "cuda" and not torch.cuda.is_available():
        parser.error("--device cuda: PyTorch sees no GPU here; use --device cpu")
    if given.only and given.only not in ON[device]:
        parser.error(f"--only {given.only}: runs on a GPU alone; on {device}: {', '.join(ON[device])}")
    try:
        check_header(given.csv, rows.Row)  # before minutes are spent
    except ValueError as error:
        parser.error(str(error))

    figures, status = {}, 0
    with tqdm(unit=" steps", bar_format="{desc} [{n_fmt} steps, {elapsed}]") as bar:
        options = Options(device, given.quick, rows.provenance(device), lambda text: _step(bar, text))
        try:
            for result in _results([given.only] if given.only else ON[device], options):
                bar.write(table.render(result) + "\n")
                figures |= result.figures
                if not given.quick:
                    append(given.csv, rows.Row, result.rows)
        except WrongResult as error:
            status, refusal = 1, f"refused, no speed from a red test:\n{error}"
    if status:
        print(refusal, file=sys.stderr)
    else:
        print(table.LEGEND)
        print("quick: no rows written, no bar judged" if given.quick else f"rows added to {given.csv}")
    print(f"on {options.provenance['device']}, torch {torch.__version__}")
    print("\n".join(lines(bars.BARS, figures)))
    return status


def _results(names: list[str], options: Options) -> Iterator[Result]:
    for name in names:
        yield from CASES[name](options)


def _step(bar: tqdm, text: str) -> None:
    bar.update()
    bar.set_description_str(text)


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
