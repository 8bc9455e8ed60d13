"""Finished tasks of a stopped evaluation are found by the same run, and by no other."""

import pytest
from mteb.results import TaskResult

from stages.evaluation import partial
from stages.evaluation.partial import Partial
from stages.shared.errors import UserError
from stages.shared.records import SampleScore

TASK = {"type": "STS", "revisions": {"STS12": "1"}, "splits": ["test"]}
SAMPLES = [SampleScore("STS12", "test/default", str(number), "mean", 0.0, [number / 3]) for number in range(3)]


@pytest.fixture(autouse=True)
def folder(monkeypatch, tmp_path):
    monkeypatch.setenv("MGH_PARTIAL", str(tmp_path / "partial"))
    return tmp_path / "partial"


@pytest.fixture
def result():
    scores = {"test": [{"main_score": 0.5, "hf_subset": "default", "languages": ["eng-Latn"]}]}
    return TaskResult(
        dataset_revision="1", task_name="STS12", mteb_version="2.26.0", scores=scores, evaluation_time=None
    )


def test_what_was_saved_is_loaded(result):
    Partial("encoder", {"revision": "1"}).save("STS12", TASK, [result, result], SAMPLES, {"texts": 3})
    results, samples, facts = Partial("encoder", {"revision": "1"}).load("STS12", TASK)
    assert [found.get_score() for found in results] == [0.5, 0.5]
    assert (samples, facts) == (SAMPLES, {"texts": 3})


def test_scores_come_back_with_every_digit(result):
    result.scores["test"][0]["main_score"] = 0.123456789012
    Partial("encoder", {}).save("STS12", TASK, [result], SAMPLES, {})
    ((found,), _, _) = Partial("encoder", {}).load("STS12", TASK)
    assert found.scores["test"][0]["main_score"] == 0.123456789012


def test_folder_that_cannot_be_written_is_told_with_what_to_do(result, folder):
    folder.parent.mkdir(exist_ok=True)
    folder.write_text("a file where the folder should be")
    with pytest.raises(UserError, match=r"cannot write what is done to .*\n.*MGH_PARTIAL"):
        Partial("encoder", {}).save("STS12", TASK, [result], SAMPLES, {})


@pytest.mark.parametrize(
    ("model", "identity", "task"),
    [
        ("untrained", {"revision": "1"}, TASK),
        ("encoder", {"revision": "2"}, TASK),
        ("encoder", {"revision": "1"}, {**TASK, "revisions": {"STS12": "2"}}),
        ("encoder", {"revision": "1"}, {**TASK, "splits": ["dev"]}),
    ],
)
def test_another_model_or_task_finds_nothing(result, model, identity, task):
    Partial("encoder", {"revision": "1"}).save("STS12", TASK, [result], SAMPLES, {})
    assert Partial(model, identity).load("STS12", task) is None


@pytest.mark.parametrize("what", ["version", "_code"])
def test_other_packages_or_other_code_find_nothing(result, monkeypatch, what):
    Partial("encoder", {"revision": "1"}).save("STS12", TASK, [result], SAMPLES, {})
    monkeypatch.setattr(partial, what, lambda *_: "another")
    assert Partial("encoder", {"revision": "1"}).load("STS12", TASK) is None


def test_task_that_was_being_written_is_not_finished(result, monkeypatch):
    kept = Partial("encoder", {"revision": "1"})
    monkeypatch.setattr(partial, "write_records", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        kept.save("STS12", TASK, [result], SAMPLES, {})
    assert kept.load("STS12", TASK) is None
    monkeypatch.undo()


def test_cleared_run_leaves_nothing_and_other_runs_alone(result, folder):
    one, other = Partial("encoder", {"revision": "1"}), Partial("encoder", {"revision": "2"})
    for kept in (one, other):
        kept.save("Some/Task", TASK, [result], SAMPLES, {})
    one.clear()
    assert [path.name for path in folder.iterdir()] == [other.folder.name]
    other.clear()
    assert not folder.exists()
    other.clear()
