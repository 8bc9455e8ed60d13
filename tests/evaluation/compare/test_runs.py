"""Where RUN may point: the workspace, a folder, a commit, branch, tag or experiment; else what is said."""

import json
import shutil
import subprocess

import pytest

from tests.evaluation.compare.conftest import model, write


def scores(printed):
    found = json.loads(printed)["tasks"]
    return {
        side: round(next(line[side] for line in found if line["name"] == "DocsRetrieval"), 1) for side in ("a", "b")
    }


@pytest.mark.parametrize(
    ("run", "points"),
    [
        ("workspace", 50.0),
        ("workspace:tfidf", 45.3),
        ("data/evaluation", 50.0),
        ("data/evaluation:tfidf", 45.3),
        ("data/evaluation/tfidf", 45.3),
        ("HEAD", 50.0),
        ("first:tfidf", 45.3),
        ("better", 59.9),
        ("better~1", 50.0),
        ("tried", 55.1),
    ],
)
def test_run_is_read_from_where_it_points(run, points, compared):
    status, printed, _ = compared("workspace", run, "--format", "json")
    assert (status, scores(printed)) == (0, {"a": 50.0, "b": points})


def test_commits_are_named_and_may_be_given(compared, dvc_repository):
    commit = subprocess.check_output(["git", "rev-parse", "better"], cwd=dvc_repository, text=True).strip()
    _, printed, _ = compared("first", commit[:10])
    assert f"B  {commit[:10]} ({commit[:7]}), model encoder" in printed
    _, printed, _ = compared("workspace", "better", "--format", "json")
    named = json.loads(printed)
    assert named["a"] == {"run": "workspace", "commit": None, "model": "encoder"}
    assert named["b"] == {"run": "better", "commit": commit, "model": "encoder"}


def test_model_of_runs_that_name_none(compared):
    _, printed, _ = compared("first", "tried:encoder", "--model", "tfidf", "--format", "json")
    assert scores(printed) == {"a": 45.3, "b": 55.1}


def test_folder_elsewhere_is_what_lies_there_not_what_is_committed(compared, tmp_path):
    write(tmp_path / "data/evaluation", encoder=model(0.7))
    status, printed, _ = compared(str(tmp_path / "data/evaluation"), "HEAD", "--format", "json")
    assert (status, scores(printed)) == (0, {"a": 69.9, "b": 50.0})


@pytest.mark.parametrize(
    ("run", "message", "step"),
    [
        ("nowhere", "'nowhere' is no folder, and no revision or experiment either", "dvc exp list"),
        ("empty", "empty has no data/evaluation", "choose a revision"),
        ("old", "data/evaluation in old has no samples.parquet", "choose a later one"),
        ("HEAD:bm25", "HEAD has no model 'bm25'; it has encoder, tfidf", "RUN:model"),
        ("workspace:bm25", "workspace has no model 'bm25'; it has encoder, tfidf", "RUN:model"),
        ("data/evaluation/tfidf:bm25", "data/evaluation/tfidf has no model 'bm25'; it has tfidf", "RUN:model"),
        ("data", "data has no samples.parquet, and no folder with one", "data/evaluation"),
        ("workspace:", "'workspace:' names no model", "RUN:model"),
        (":tfidf", "':tfidf' names no run", "RUN:model"),
    ],
)
def test_run_that_is_not_there_is_told_with_what_to_do(run, message, step, compared):
    status, printed, said = compared("HEAD", run)
    assert (status, printed) == (1, "")
    assert message in said
    assert step in said.split("next:")[1]


def test_data_that_are_not_in_the_cache_are_told_to_be_fetched(compared, dvc_repository, tmp_path, monkeypatch):
    clone = tmp_path / "clone"
    shutil.copytree(dvc_repository, clone, ignore=shutil.ignore_patterns("cache", "tmp"))
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path / "site"))
    monkeypatch.chdir(clone)
    for run in ("HEAD", "tried"):
        status, _, said = compared("workspace", run)
        assert status == 1
        assert f"data/evaluation of {run} is neither in the DVC cache nor in a remote" in said
        assert "dvc pull" in said


def test_outside_of_a_repository_only_folders_can_be_compared(compared, dvc_repository, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = str(dvc_repository / "data/evaluation")
    assert compared(folder, f"{folder}:tfidf")[0] == 0
    assert "is not a git repository" in compared(folder, "HEAD")[2]
    assert "the workspace has no data/evaluation/<model>/samples.parquet" in compared("workspace", folder)[2]


def test_file_that_is_no_record_file_is_named(compared, tmp_path):
    (tmp_path / "encoder").mkdir()
    (tmp_path / "encoder" / "samples.parquet").write_text("no parquet")
    status, _, said = compared("workspace", str(tmp_path / "encoder"))
    assert status == 1
    assert f"{tmp_path}/encoder/samples.parquet is not a readable Parquet file" in said


FOREIGN = [
    "{",
    "[]",
    "{}",
    '{"mteb": "2"}',
    '{"tasks": {}}',
    '{"mteb": "2", "tasks": []}',
    '{"mteb": "2", "tasks": {"a": 1}}',
]


@pytest.mark.parametrize("content", FOREIGN)
def test_tasks_that_the_evaluation_did_not_write_are_told(content, compared, tmp_path):
    write(tmp_path, encoder=model(0.5))
    (tmp_path / "tasks.json").write_text(content)
    for run in (tmp_path, tmp_path / "encoder"):
        status, printed, said = compared("workspace", str(run))
        assert (status, printed) == (1, "")
        assert f"{tmp_path}/tasks.json is not the file that the evaluation writes\n  next: run `dvc repro" in said


def test_tasks_that_are_no_text_are_told(compared, tmp_path):
    write(tmp_path, encoder=model(0.5))
    (tmp_path / "tasks.json").write_bytes(b"\xff\xfe{")
    assert "is not the file that the evaluation writes" in compared("workspace", str(tmp_path))[2]


def test_tasks_of_a_revision_are_read_and_damaged_ones_are_told(compared):
    status, printed, _ = compared("workspace", "described", "--format", "json")
    assert status == 0
    assert json.loads(printed)["warnings"] == ["the versions and revisions of A are unknown: it has no tasks.json."]
    status, _, said = compared("workspace", "damaged")
    assert status == 1
    assert "data/evaluation/tasks.json of damaged is not the file that the evaluation writes" in said
    assert "DVC cache" not in said


def test_warnings_of_a_csv_are_said_beside_it(compared):
    status, printed, said = compared("workspace", "first", "--format", "csv")
    assert status == 0
    assert "tasks.json" not in printed
    assert said.count("warning: compare: the versions and revisions of ") == 2
    assert compared("workspace", "first", "--format", "json")[2] == ""


@pytest.mark.parametrize("number", ["99", "-5", "many"])
def test_too_few_resamples_are_refused(number, capsys):
    from stages.evaluation.compare.__main__ import main

    with pytest.raises(SystemExit, match="2"):
        main(["HEAD", "HEAD", "--resamples", number])
    assert "must be a number of at least 100" in capsys.readouterr().err
