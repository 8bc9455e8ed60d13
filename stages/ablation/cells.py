"""The cells that reports/ablation/cells.yaml names, and which of them differ in one setting alone."""

import csv
from dataclasses import dataclass
from pathlib import Path

from ruamel.yaml import YAML

from stages.ablation.settings import SEED, read_change
from stages.shared.errors import UserError
from stages.shared.files import read_json
from stages.shared.records import SampleScore, read_records
from stages.shared.settings import PARAMS_FILE

PIPELINE = "reports/ablation/dvc.yaml"
LIST, RESULTS = Path("reports/ablation/cells.yaml"), Path("data/ablation")

Flat = dict[str, object]  # settings by their whole key, as "ata.score"


@dataclass(frozen=True)
class Cell:
    """One training and evaluation."""

    key: str  # what it changes of params.yaml or the profile
    value: object
    seed: int
    folder: Path
    settings: Flat  # of its params.yaml, without the seed

    @property
    def scores(self) -> dict:
        """What the evaluation wrote of it. Raises UserError if one of its tasks has no score."""
        scores = read_json(self.folder / "evaluation.json")
        if "mean_task" not in scores:
            raise UserError(f"{self.folder} has no mean score", next="its evaluation.json lacks the task at fault")
        return scores

    def samples(self) -> list[SampleScore]:
        return read_records(self.folder / "encoder/samples.parquet", SampleScore)

    def curve(self) -> dict[int, float]:
        """Score by step."""
        return read_curve(self.folder / "curve.csv")


Runs = dict[int, Cell]
"""One setting's cells by seed."""


def read_cells() -> list[Cell]:
    """Those of the list, in its order. Raises UserError for a change that cannot be, or a cell that has not run."""
    listed = _load(LIST)
    cells = []
    for text in listed["cells"]:
        keys, value = read_change(text)
        if keys == [SEED]:
            raise UserError(f"{LIST}: {text} is a cell", next="put the number among its seeds")
        for seed in listed["seeds"]:
            folder = RESULTS / text / f"{SEED}={seed}"
            if not folder.exists():
                raise UserError(f"{folder} does not exist", next=f"run `dvc repro {PIPELINE}`, which makes it")
            settings = read_settings(folder)
            cells.append(Cell(".".join(keys), value, seed, folder, settings))
    return cells


def by_key(cells: list[Cell], default: Flat) -> dict[str, dict[str, Runs]]:
    """Cells by the key that they change, and by its value; the first value of each key is the one in `default`.

    Cells that change nothing stand under every key. For a key of the profile their value is "as in the profile".

    Raises UserError if there are none of these, or for a cell that was made with other settings beside its own.
    """
    for cell in cells:
        _refuse_others(cell, default)
    unchanged = {cell.seed: cell for cell in cells if cell.settings == default and cell.key in default}
    if not unchanged:
        raise UserError(
            f"no cell of {LIST} has the settings of params.yaml, with which the others are compared",
            next="add one, for example pooling=mean",
        )
    found: dict[str, dict[str, Runs]] = {}
    for cell in cells:
        if cell.settings != default or cell.key not in default:
            first = str(default.get(cell.key, "as in the profile"))
            found.setdefault(cell.key, {first: unchanged}).setdefault(str(cell.value), {})[cell.seed] = cell
    return found


def _refuse_others(cell: Cell, default: Flat) -> None:
    expected = default | ({cell.key: cell.value} if cell.key in default else {})
    if other := [key for key in expected | cell.settings if cell.settings.get(key) != expected.get(key)]:
        raise UserError(
            f"{cell.folder} was made with other settings than those of params.yaml: {', '.join(other)}",
            next=f"run `dvc repro {PIPELINE}`",
        )


def read_settings(folder: Path) -> Flat:
    """The settings in a folder's params.yaml, without the seed."""
    settings = _flat(_load(folder / PARAMS_FILE))
    settings.pop(SEED)
    return settings


def read_curve(path: Path) -> dict[int, float]:
    """Score by step, of a file that the evaluation wrote."""
    with path.open(encoding="utf-8", newline="") as file:
        return {int(row["step"]): float(row["score"]) for row in csv.DictReader(file)}


def _load(path: Path) -> dict:
    return YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))


def _flat(values: dict, prefix: str = "") -> Flat:
    flat: Flat = {}
    for key, value in values.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return flat
