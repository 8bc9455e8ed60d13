"""Which cells are set beside which."""

import csv
import shutil
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from stages.ablation.cells import by_key, read_cells, read_settings
from stages.shared.errors import UserError
from stages.shared.files import write_json
from tests.conftest import REPOSITORY


def keys():
    return {
        key: {value: sorted(cells) for value, cells in runs.items()}
        for key, runs in by_key(read_cells(), read_settings(Path())).items()
    }


def test_cells_that_change_nothing_are_the_first_of_every_key(made):
    for change in ("curriculum=n1", "curriculum=coarse_to_fine", "pooling=ata", "ata.score=linear"):
        for seed in (0, 1):
            made(change, seed)
    assert keys() == {
        "curriculum": {"coarse_to_fine": [0, 1], "n1": [0, 1]},
        "pooling": {"mean": [0, 1], "ata": [0, 1]},
        "ata.score": {"log1p": [0, 1], "linear": [0, 1]},
    }
    runs = by_key(read_cells(), read_settings(Path()))
    assert [next(iter(values)) for values in runs.values()] == ["coarse_to_fine", "mean", "log1p"]


def test_key_of_the_profile_is_set_beside_cells_that_leave_it(made):
    made("pooling=mean")
    made("training.temperature=0.02")
    assert keys() == {"training.temperature": {"as in the profile": [0], "0.02": [0]}}


def test_other_default_makes_another_cell_the_first(made, set_default):
    set_default("pooling", "ata")
    made("pooling=ata")
    made("pooling=mean")
    assert keys() == {"pooling": {"ata": [0], "mean": [0]}}


def test_cell_of_other_settings_is_refused_by_name(made, set_default):
    made("pooling=mean")
    made("curriculum=n1")
    set_default("attention", "causal")
    with pytest.raises(UserError, match=r"pooling=mean/seed=0 was made with other settings .*: attention"):
        keys()


def test_cells_without_the_default_cannot_be_compared(made):
    made("curriculum=n1")
    with pytest.raises(UserError, match=r"no cell of .* has the settings of params\.yaml"):
        keys()


def test_cell_that_has_not_run_is_told_with_what_runs_it(made):
    shutil.rmtree(made("pooling=mean"))
    with pytest.raises(UserError, match=r"pooling=mean/seed=0 does not exist\n.*dvc repro reports/ablation/dvc\.yaml"):
        read_cells()


def test_cell_that_is_not_listed_any_more_is_left_out(made, repository):
    made("pooling=mean")
    made("pooling=ata")
    write_json(repository / "reports/ablation/cells.yaml", {"cells": ["pooling=mean"], "seeds": [0]})
    assert [cell.value for cell in read_cells()] == ["mean"]


@pytest.mark.parametrize(("change", "message"), [("seed=3", "seed=3 is a cell"), ("pooling", "must be key=value")])
def test_list_that_cannot_be_is_told(repository, change, message):
    write_json(repository / "reports/ablation/cells.yaml", {"cells": [change], "seeds": [0]})
    with pytest.raises(UserError, match=message):
        read_cells()


def test_committed_list_has_the_papers_orders_and_poolings():
    listed = YAML(typ="safe").load((REPOSITORY / "reports/ablation/cells.yaml").read_text())["cells"]
    for key in ("curriculum", "pooling"):
        with (REPOSITORY / f"reports/paper/{key}.csv").open() as file:
            printed = {f"{key}={row['value']}" for row in csv.DictReader(file)}
        assert printed - {"pooling=mean"} <= set(listed)  # which is the default, as another cell is
