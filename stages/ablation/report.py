"""Write what the cells of the ablation say: tables, figures, and reports/ablation/README.md, which shows them.

    python -m stages.ablation.report

`dvc repro reports/ablation/dvc.yaml` runs the cells first.
"""

import argparse
import sys
from pathlib import Path

from stages.ablation import figures
from stages.ablation.cells import by_key, read_cells, read_curve, read_settings
from stages.ablation.effects import effects
from stages.ablation.tables import effect_table
from stages.reporting.figures import save
from stages.reporting.results import PAPER, read_paper
from stages.reporting.tables import markdown
from stages.shared.errors import UserError
from stages.shared.files import write_text
from stages.shared.templates import render_template

TEMPLATE = Path(__file__).parent / "README.md.j2"
REPORT = Path("reports/ablation")
START = Path("reports/evaluation/curve.csv")
SAME_START = {"curriculum", "training_data"}  # keys that leave the untrained encoder as it is


def main() -> int:
    """Run the command line; 0, or 1 where the cells cannot be compared."""
    parser = argparse.ArgumentParser(
        prog="python -m stages.ablation.report",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.parse_args()
    try:
        report(REPORT)
    except UserError as error:
        print(f"error: ablation: {error}", file=sys.stderr)
        return 1
    return 0


def report(folder: Path) -> None:
    """Write it all to `folder`. Raises UserError if there are no cells, or some that do not belong together."""
    default = read_settings(Path())
    sections = []
    for key, runs in by_key(read_cells(), default).items():
        found, printed = effects(runs), _printed(key)
        table = effect_table(key, found, printed, str(default["profile"]))
        table.write(folder / "tables")
        drawn = {table.name: figures.differences(key, found, printed)}
        start = _start() if key in SAME_START and default["pooling"] != "latent" else {}  # latent's depends on the seed
        points = {value: [start | cell.curve() for cell in cells.values()] for value, cells in runs.items()}
        if min(len(seed) for seeds in points.values() for seed in seeds) > 1:
            drawn[f"{table.name}_curve"] = figures.curves(points)
        for name, figure in drawn.items():
            save(figure, folder / f"figures/{name}.svg")
        sections.append({"key": key, "figures": [*drawn], "table": markdown(table)})
    write_text(folder / "README.md", render_template(TEMPLATE, autoescape=False, sections=sections, settings=default))


def _printed(key: str) -> dict[str, float]:
    """The paper's scores by value of `key`; empty if it prints none."""
    if not (PAPER / f"{key}.csv").exists():
        return {}
    return {row["value"]: float(row["score"]) for row in read_paper(key)}


def _start() -> dict[int, float]:
    """The untrained encoder's score, if the pipeline has it among its baselines."""
    return {step: score for step, score in read_curve(START).items() if step == 0}


if __name__ == "__main__":
    sys.exit(main())
