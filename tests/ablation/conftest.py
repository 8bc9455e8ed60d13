"""Cells as an evaluation leaves them, with scores that are known."""

import numpy as np
import pytest
from ruamel.yaml import YAML

from stages.ablation.settings import write_settings
from stages.shared.files import write_csv, write_json
from stages.shared.records import SampleScore, write_records

TASKS = {"DocsRetrieval": 40, "DocsSTS": 50}  # samples


@pytest.fixture
def made(repository):
    """`made("pooling=ata", seed, lift)`: a cell whose samples all score `lift` more than the default's.

    With `noise` they differ by that much more, each by its own.
    """
    listed = {"cells": {}, "seeds": {}}

    def made(change, seed=0, lift=0.0, noise=0.0, steps=(2, 4), samples=TASKS):
        folder = repository / f"data/ablation/{change}/seed={seed}"
        write_settings(repository, folder, [change, f"seed={seed}"])
        listed["cells"] |= {change: None}
        listed["seeds"] |= {seed: None}
        generator = np.random.default_rng(seed)
        rows = [
            SampleScore(
                task, "test/default", str(number), "mean", 0.0, [float(score) + lift + noise * (number % 5 - 2)]
            )
            for task, count in samples.items()
            for number, score in enumerate(generator.uniform(0.2, 0.6, count))
        ]
        write_records(folder / "encoder/samples.parquet", SampleScore, rows)
        by_task = [np.mean([row.scores[0] for row in rows if row.task == task]) for task in samples]
        score = 100 * float(np.mean(by_task))
        write_json(folder / "evaluation.json", {"mean_task": score, "tasks": dict(zip(samples, by_task, strict=True))})
        write_csv(folder / "curve.csv", [{"step": step, "score": score - 4 + step} for step in steps])
        write_json(repository / "reports/ablation/cells.yaml", {name: [*values] for name, values in listed.items()})
        return folder

    return made


@pytest.fixture
def set_default(repository):
    """`set_default(key, value)`: another value in params.yaml."""

    def set_default(key, value):
        yaml = YAML()
        values = yaml.load((repository / "params.yaml").read_text())
        values[key] = value
        with (repository / "params.yaml").open("w") as file:
            yaml.dump(values, file)

    return set_default
