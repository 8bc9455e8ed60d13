"""What must hold between files: who imports whom, how long a file may be, what dvc.yaml lists."""

import ast
from pathlib import Path

import pytest
import yaml

from tests.conftest import REPOSITORY

STAGES = sorted(path.parent.name for path in (REPOSITORY / "stages").glob("*/__main__.py"))
FOLDERS = {
    **{path.parent.name: path.parent for path in (REPOSITORY / "stages").glob("*/__init__.py")},
    **{path.parent.name: path.parent for path in (REPOSITORY / "kernels").glob("*/__init__.py")},
}
BENCHES = ["ata_bench", "benching", "evaluation_bench", "synthesis_bench", "training_bench"]
OUTSIDE = ["ablation", *BENCHES]
"""They run and measure from outside: they may import a stage, and nothing imports them."""
LIBRARIES = sorted(FOLDERS.keys() - STAGES - set(OUTSIDE))
SOURCES = sorted([*(REPOSITORY / "stages").rglob("*.py"), *(REPOSITORY / "kernels").rglob("*.py")])
TESTS = sorted((REPOSITORY / "tests").rglob("*.py"))
PIPELINE = yaml.safe_load((REPOSITORY / "dvc.yaml").read_text())["stages"]
ABLATION = yaml.safe_load((REPOSITORY / "reports/ablation/dvc.yaml").read_text())["stages"]


def short(path: Path) -> str:
    return path.relative_to(REPOSITORY).as_posix()


def imported(folder: str) -> set[str]:
    """The names in FOLDERS that the files of `folder` import, at their top or inside functions."""
    modules = []
    for path in FOLDERS[folder].rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                modules += [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{short(path)} has a relative import"
                modules += [f"{node.module}.{alias.name}" for alias in node.names]
    parts = [module.removeprefix("stages.").split(".")[0] for module in modules]
    return {part for part in parts if part in FOLDERS} - {folder}


def needed(folder: str) -> set[str]:
    """`folder` and all that it imports, directly or through others."""
    found, open_ = set(), [folder]
    while open_:
        name = open_.pop()
        if name not in found:
            found.add(name)
            open_ += imported(name)
    return found


def test_folders_are_the_stages_and_libraries_that_the_design_names():
    assert {"corpus", "backbone", "training"} <= set(STAGES)
    assert LIBRARIES == ["ata_pooling", "encoder", "llm", "shared"]


@pytest.mark.parametrize("folder", sorted(FOLDERS.keys() - set(OUTSIDE)))
def test_nothing_imports_a_stage_but_the_stage_itself(folder):
    assert imported(folder) <= set(LIBRARIES)


def test_operator_imports_nothing_of_the_pipeline():
    assert imported("ata_pooling") == set()


@pytest.mark.parametrize("stage", STAGES)
def test_entry_of_a_stage_is_thin(stage):
    lines = (FOLDERS[stage] / "__main__.py").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 60


@pytest.mark.parametrize("path", [*SOURCES, *TESTS], ids=short)
def test_file_holds_one_idea(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400


def test_pipeline_lists_every_stage_and_no_other():
    commands = {name: stage["cmd"] for name, stage in PIPELINE.items()}
    assert commands == {name: f"python -m stages.{name}" for name in STAGES}


@pytest.mark.parametrize("stage", PIPELINE)
def test_stage_depends_on_all_the_code_that_it_runs(stage):
    code = {short(FOLDERS[name]) for name in needed(stage)}
    assert code <= set(PIPELINE[stage]["deps"])


@pytest.mark.parametrize("stage", PIPELINE)
def test_stage_depends_on_no_folder_that_does_not_exist(stage):
    code = [name for name in PIPELINE[stage]["deps"] if name.startswith(("stages/", "kernels/"))]
    assert [name for name in code if not (REPOSITORY / name).exists()] == []


@pytest.mark.parametrize(
    ("stage", "own"), [("training", ["cell", "settings"]), ("evaluation", ["cell", "collect", "settings"])]
)
def test_cell_of_the_ablation_depends_on_what_its_stage_depends_on(stage, own):
    made = {output for output in ("data/encoder", "data/curve") if output in PIPELINE[stage]["deps"]}
    folder = "data/cells/${item.cell}/seed=${item.seed}"
    own = {f"stages/ablation/{name}.py" for name in own} | {f"{folder}/{output}" for output in made}
    assert set(ABLATION[stage]["deps"]) == set(PIPELINE[stage]["deps"]) - made | own
    of_profile = [key for key in PIPELINE[stage]["params"] if isinstance(key, dict)]
    varied = ["pooling", "curriculum", "training_data", "attention", "latent", "ata"]  # all are in its results
    assert ABLATION[stage]["params"] == [*varied, *of_profile]


def test_report_of_the_ablation_depends_on_all_the_code_that_it_runs():
    code = {short(FOLDERS[name]) for name in imported("ablation")} | {"stages/ablation"}
    assert code <= set(ABLATION["report"]["deps"])
