"""The summary of one model's results."""

import pytest
from mteb.results import TaskResult

from stages.evaluation.scores import summarise


def result(name, score):
    scores = {"test": [{"main_score": score, "hf_subset": "default", "languages": ["eng-Latn"]}]}
    return TaskResult(dataset_revision="0", task_name=name, mteb_version="2.0.0", scores=scores, evaluation_time=None)


def test_points_by_task_and_type_in_the_papers_order():
    given = {"A": 0.2, "B": 0.4, "C": 0.9, "D": 0.5}
    types = {"A": "STS", "B": "STS", "C": "Classification", "D": "BitextMining"}
    summary = summarise({name: result(name, score) for name, score in given.items()}, types)
    assert summary["tasks"] == pytest.approx({"A": 20, "B": 40, "C": 90, "D": 50})
    assert summary["types"] == pytest.approx({"Classification": 90, "STS": 30, "BitextMining": 50})
    assert list(summary["types"]) == ["Classification", "STS", "BitextMining"]
    assert summary["mean_task"] == pytest.approx(50)
    assert summary["mean_type"] == pytest.approx(170 / 3)
