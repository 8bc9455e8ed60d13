"""Copy what a cell's evaluation found, and the settings that it is of, to a folder of its own.

python -m stages.ablation.collect data/cells/NAME data/ablation/NAME
"""

import argparse
import shutil
import sys
from pathlib import Path

from stages.shared.settings import PARAMS_FILE

EVALUATION = "data/evaluation"
FILES = ("reports/metrics/evaluation.json", "reports/evaluation/curve.csv", PARAMS_FILE)


def collect(cell: Path, results: Path) -> None:
    """Make `results` what the cell's evaluation found. Raises FileNotFoundError if it has not ended."""
    shutil.rmtree(results, ignore_errors=True)
    shutil.copytree(cell / EVALUATION, results)
    for file in FILES:
        shutil.copy(cell / file, results)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m stages.ablation.collect",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("cell", metavar="CELL", type=Path)
    parser.add_argument("results", metavar="RESULTS", type=Path)
    given = parser.parse_args()
    try:
        collect(given.cell, given.results)
    except FileNotFoundError as error:
        advice = "run `dvc repro reports/ablation/dvc.yaml`, which evaluates the cell first"
        sys.exit(f"error: ablation: {error.filename} does not exist\n  next: {advice}")


if __name__ == "__main__":
    main()
