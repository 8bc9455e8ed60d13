"""Copies of the encoder that are kept on the way, for the curve of score over steps."""

import shutil
from pathlib import Path

from stages.shared.files import write_json
from stages.shared.settings import Training

CURVE = Path("data/curve")


def copy_steps(options: Training) -> range:
    """The steps after which a copy is kept. The last is not among them: what it ends in is the encoder itself."""
    total = options.steps + options.retrieval_steps
    return range(options.curve_every, total, options.curve_every) if options.curve_every else range(0)


def copy_name(step: int) -> str:
    return f"step-{step:06d}"


def collect_copies(waiting: Path, steps: range, total: int) -> None:
    """Put the copies in their place. Until now they wait with the checkpoints, as DVC empties a stage's outputs first.

    A run that went on with another `curve_every` lacks those of the steps before.
    """
    shutil.rmtree(CURVE, ignore_errors=True)
    there = [step for step in steps if (waiting / copy_name(step)).exists()]
    for step in there:
        shutil.copytree(waiting / copy_name(step), CURVE / copy_name(step))
    write_json(CURVE / "steps.json", {"steps": there, "total": total})
