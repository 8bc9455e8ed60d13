"""A cell: the repository with other settings, in which a stage runs and leaves what it makes."""

import os
import signal
import subprocess
import sys
import time

import pytest

from stages.ablation.collect import FILES, collect
from stages.shared.settings import load_settings
from tests.conftest import REPOSITORY


@pytest.fixture
def root(repository):
    """A repository whose stage `training` is the test's own."""
    (repository / "data/corpus").mkdir(parents=True)
    (repository / "data/corpus/train.txt").write_text("corpus")
    (repository / "data/encoder").mkdir()
    (repository / "data/encoder/weights").write_text("the pipeline's own")
    (repository / "stages").mkdir()
    (repository / "stages/__init__.py").touch()
    (repository / "external").mkdir()
    (repository / "dvc.yaml").touch()
    return repository


@pytest.fixture
def stage(root):
    """`stage(name, body)`: what the stage of that name does."""

    def stage(name, body):
        (root / "stages" / f"{name}.py").write_text(f"import pathlib, signal, sys, time\n{body}\n")

    return stage


MAKE = "pathlib.Path('data/encoder').mkdir(); pathlib.Path('data/encoder/weights').write_text('made')"


def command(*arguments, **variables):
    """The command line of a cell, as a process: it becomes the stage's."""
    environment = {**os.environ, **variables, "PYTHONPATH": str(REPOSITORY)}
    # Not -m: the test's own stages would hide those of the repository.
    code = "import sys; sys.path.remove(''); from stages.ablation.cell import main; main()"
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments], env=environment, stderr=subprocess.PIPE, encoding="utf-8"
    )


def run(*arguments, **variables):
    """Its exit status and what it told."""
    process = command(*arguments, **variables)
    _, told = process.communicate(timeout=60)
    return process.returncode, told


def test_stage_reads_the_repository_and_writes_in_its_cell(root, stage):
    stage(
        "training",
        "text = pathlib.Path('data/corpus/train.txt').read_text() + pathlib.Path('params.yaml').read_text()\n"
        "pathlib.Path('data/encoder').mkdir()\n"
        "pathlib.Path('data/encoder/weights').write_text(text)",
    )
    assert run("data/cells/a", "training", "pooling=ata") == (0, "")
    made = (root / "data/cells/a/data/encoder/weights").read_text()
    assert made.startswith("corpus")
    assert "pooling: ata" in made
    assert (root / "data/encoder/weights").read_text() == "the pipeline's own"
    assert load_settings(root).params.pooling == "mean"
    assert (root / "data/cells/a/external").is_symlink()
    assert not (root / "data/cells/a/dvc.yaml").exists()
    assert not (root / "data/cells/a/data/cells").exists()


def test_cell_that_ran_before_starts_without_its_old_outputs(stage):
    stage("training", MAKE)
    assert [run("data/cells/a", "training") for _ in range(2)] == [(0, "")] * 2  # mkdir fails where it is there


def test_evaluation_finds_what_training_made(root, stage):
    stage("training", MAKE)
    stage("evaluation", "assert pathlib.Path('data/encoder/weights').read_text() == 'made'")
    assert run("data/cells/a", "training") == run("data/cells/a", "evaluation") == (0, "")
    assert (root / "data/cells/a/data/encoder/weights").exists()


def test_repository_that_was_moved_does_not_look_into_its_old_place(root, stage):
    stage("training", MAKE)
    run("data/cells/a", "training")
    moved = root.rename(root.with_name("moved"))
    assert (moved / "data/cells/a/data/corpus/train.txt").read_text() == "corpus"


def test_folders_for_what_waits_are_those_of_the_repository(root, stage):
    stage("training", "import os; pathlib.Path('there').write_text(os.environ['MGH_CHECKPOINTS'])")
    assert run("data/cells/a", "training", MGH_CHECKPOINTS="kept") == (0, "")
    assert (root / "data/cells/a/there").read_text() == str(root / "kept")


def test_stage_that_fails_fails_the_cell(stage):
    stage("evaluation", "sys.exit(3)")
    assert run("data/cells/a", "evaluation")[0] == 3


@pytest.mark.parametrize(
    ("folder", "change", "message"),
    [
        ("data/cells/a", "pooling=atta", "params.yaml: pooling: given 'atta'"),
        (".", "pooling=ata", "given ., must be a folder in data/cells"),
        ("data/cells", "pooling=ata", "given data/cells, must be a folder in data/cells"),
    ],
)
def test_what_cannot_be_is_told_before_the_stage_runs(root, stage, folder, change, message):
    stage("training", MAKE)
    before = (root / "params.yaml").read_text()
    status, told = run(folder, "training", change)
    assert status == 1
    assert told.startswith(f"error: ablation: {message}")
    assert (root / "params.yaml").read_text() == before
    assert not (root / "data/cells/a/data/encoder").exists()


def test_repository_without_data_is_told_what_makes_them(repository):
    assert "run `dvc repro` first" in run("data/cells/a", "training")[1]
    assert not (repository / "data").exists()


def test_stop_is_the_stages_own(root, stage):
    stage(
        "training",
        "signal.signal(signal.SIGTERM, lambda *_: (pathlib.Path('stopped').touch(), sys.exit(143)))\n"
        "pathlib.Path('begun').touch()\n"
        "time.sleep(60)",
    )
    process = command("data/cells/a", "training")
    deadline = time.monotonic() + 60
    while not (root / "data/cells/a/begun").exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 143
    assert (root / "data/cells/a/stopped").exists()


@pytest.fixture
def evaluated(root):
    """A cell as its evaluation leaves it."""
    for file in ("data/evaluation/encoder/samples", *FILES):
        (root / "cell" / file).parent.mkdir(parents=True, exist_ok=True)
        (root / "cell" / file).write_text("found")
    return root / "cell"


def test_results_of_an_evaluation_are_collected_anew(root, evaluated):
    results = root / "results"
    (results / "encoder").mkdir(parents=True)
    (results / "encoder/old").touch()
    collect(evaluated, results)
    names = {path.relative_to(results).as_posix() for path in results.rglob("*") if path.is_file()}
    assert names == {"encoder/samples", "evaluation.json", "curve.csv", "params.yaml"}


def test_evaluation_that_has_not_ended_has_no_results(root, evaluated):
    (evaluated / FILES[0]).unlink()
    with pytest.raises(FileNotFoundError):
        collect(evaluated, root / "results")
