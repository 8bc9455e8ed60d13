"""How a stage ends: exit status and one message for the person who ran it."""

import errno
import json
import os
import subprocess
import sys

import pytest

from stages.shared.entry import run_stage
from stages.shared.errors import UserError
from tests.conftest import REPOSITORY

pytestmark = pytest.mark.usefixtures("repository")


@pytest.fixture(autouse=True)
def _own_process(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["stage"])
    monkeypatch.setattr(os, "environ", os.environ.copy())


def run(error=None):
    def main(_):
        if error:
            raise error

    run_stage(main, "corpus", "Collect seed texts.")


def failure(error, capsys):
    """Exit status and what stands on stderr when the stage raises `error`."""
    with pytest.raises(SystemExit) as caught:
        run(error)
    return caught.value.code, capsys.readouterr().err


def test_user_error_ends_with_1_and_says_what_to_do(capsys):
    status, text = failure(UserError("the file x is gone", next="make it again"), capsys)
    assert status == 1
    assert text == "error: corpus: the file x is gone\n  next: make it again\n"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_full_disk_ends_with_1_and_names_the_file(capsys, number):
    status, text = failure(OSError(number, "No space left", "data/corpus/train.parquet"), capsys)
    assert status == 1
    assert "no space left for data/corpus/train.parquet" in text
    assert "dvc repro" in text


def test_ctrl_c_ends_with_130_and_says_how_to_go_on(capsys):
    status, text = failure(KeyboardInterrupt(), capsys)
    assert status == 130
    assert "corpus: stopped; `dvc repro` goes on from here." in text


def test_of_the_processes_of_one_launcher_the_first_tells_for_all(capsys, monkeypatch, tmp_path):
    told = []
    for process in (1, 0):
        monkeypatch.setenv("TORCHELASTIC_ERROR_FILE", str(tmp_path / f"{process}/error.json"))
        told.append(failure(UserError(f"process {process} cannot"), capsys))
    assert told == [(1, "error: corpus: process 1 cannot\n"), (1, "")]
    assert failure(RuntimeError("connection closed by peer"), capsys) == (1, "")


@pytest.mark.parametrize("error", [ZeroDivisionError("bug"), OSError(errno.EACCES, "denied", "x")])
@pytest.mark.parametrize("launched", [False, True])
def test_programming_error_is_not_hidden(error, launched, monkeypatch, tmp_path):
    if launched:
        monkeypatch.setenv("TORCHELASTIC_ERROR_FILE", str(tmp_path / "0/error.json"))
    with pytest.raises(type(error)):
        run(error)


def test_stage_that_succeeds_leaves_its_time_and_memory(repository):
    run()
    timing = json.loads((repository / "reports/timings/corpus.json").read_text())
    assert timing["seconds"] >= 0
    assert timing["peak_mib"] > 1


def test_main_gets_the_settings_of_the_working_directory(repository):
    params = repository / "params.yaml"
    params.write_text(params.read_text().replace("pooling: mean", "pooling: last"))
    seen = []
    run_stage(seen.append, "corpus", "")
    assert seen[0].params.pooling == "last"


def test_runtime_is_pinned_before_main_runs(settings):
    seen = {}
    os.environ.pop("ATEN_CPU_CAPABILITY", None)
    run_stage(lambda _: seen.update(os.environ), "corpus", "")
    assert seen["ATEN_CPU_CAPABILITY"] == settings.profile.runtime.instruction_set


def stage(*arguments, cwd):
    command = [sys.executable, "-m", "stages.corpus", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=environment, timeout=60)


def test_bad_setting_ends_a_real_stage_without_a_traceback_or_an_output(repository):
    params = repository / "params.yaml"
    params.write_text(params.read_text().replace("pooling: mean", "pooling: max"))
    done = stage(cwd=repository)
    assert (done.returncode, done.stdout) == (1, "")
    told = "pooling: given 'max'; allowed: 'mean', 'last', 'latent' or 'ata'"
    assert done.stderr == f"error: corpus: params.yaml: {told}\n"
    assert not (repository / "data").exists()


def test_help_says_what_the_stage_does_and_where_settings_stand(repository):
    done = stage("--help", cwd=repository)
    assert done.returncode == 0
    assert "Collect seed texts" in done.stdout
    assert "params.yaml" in done.stdout


def test_unknown_argument_is_refused(repository):
    done = stage("--seed=1", cwd=repository)
    assert done.returncode == 2
    assert "unrecognized arguments: --seed=1" in done.stderr
