"""A small git and DVC repository with evaluations in its commits, a branch and an experiment."""

import subprocess

import numpy as np
import pytest

from stages.shared.records import SampleScore, write_records

GIT = {
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    **{f"GIT_{who}_{what}": "tests@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
}


def rows(task, values, stratum="test/default"):
    return [SampleScore(task, stratum, f"q{place}", "mean", 0.0, [float(value)]) for place, value in enumerate(values)]


def model(mean, names=("DocsRetrieval", "DocsReranking"), count=200):
    """Rows whose values differ from one model to the next by their mean and a little more."""
    common = np.random.default_rng(0).normal(size=count)
    own = np.random.default_rng(int(1000 * mean)).normal(size=count)
    return [row for name in names for row in rows(name, mean + 0.1 * common + 0.05 * own)]


def write(folder, **models):
    for name, given in models.items():
        write_records(folder / name / "samples.parquet", SampleScore, given)


@pytest.fixture(scope="package")
def dvc_repository(tmp_path_factory):
    """Commits with the tags `empty` (no evaluation), `old` (one without samples) and `first`, the branch `better`, the
    experiment `tried`; `main` is at `first`. `described` and `damaged` have a tasks.json, the others none."""
    from dvc.repo import Repo

    root = tmp_path_factory.mktemp("compared")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in GIT.items():
            patch.setenv(name, value)
        for name in ("SITE_CACHE", "GLOBAL_CONFIG", "SYSTEM_CONFIG"):
            patch.setenv(f"DVC_{name}_DIR", str(tmp_path_factory.mktemp(name.lower())))
        patch.setenv("DVC_NO_ANALYTICS", "1")
        patch.chdir(root)

        def git(*arguments):
            subprocess.run(["git", *arguments], cwd=root, check=True, capture_output=True)

        def commit(tag=None):
            repo.add("data/evaluation")
            git("add", "-A")
            git("commit", "-qm", "evaluation")
            if tag:
                git("tag", tag)

        git("init", "-q", "-b", "main")
        repo = Repo.init()
        git("add", "-A")
        git("commit", "-qm", "start")
        git("tag", "empty")
        evaluation = root / "data/evaluation"
        (evaluation / "encoder").mkdir(parents=True)
        (evaluation / "encoder" / "DocsSTS.json").write_text("{}")
        commit("old")
        write(evaluation, encoder=model(0.5), tfidf=model(0.45))
        commit("first")
        git("checkout", "-qb", "better")
        write(evaluation, encoder=model(0.6))
        commit()
        for tag, content in (("described", '{"mteb": "2", "tasks": {}}'), ("damaged", "{")):
            git("checkout", "-q", "--detach", "first")
            (evaluation / "tasks.json").write_text(content)
            commit(tag)
        (evaluation / "tasks.json").unlink()
        git("checkout", "-q", "main")
        write(evaluation, encoder=model(0.55))
        repo.add("data/evaluation")
        repo.experiments.save(name="tried")
        git("checkout", "-q", "--", ".")
        write(evaluation, encoder=model(0.5))
        yield root


@pytest.fixture
def compared(dvc_repository, monkeypatch, capsys):
    """`compared(*arguments)`: exit status, what was printed, what was said of errors. It begins in the repository."""
    from stages.evaluation.compare.__main__ import main

    monkeypatch.chdir(dvc_repository)

    def run(*arguments):
        status = main([*arguments, "--resamples", "500"])
        return status, *capsys.readouterr()

    return run
