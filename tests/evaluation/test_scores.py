"""The summary of one model's results, and its agreement with mteb's own."""

import random

import mteb
import numpy as np
import pytest
from mteb.results import BenchmarkResults, ModelResult, TaskResult

from stages.evaluation.scores import summarise
from stages.shared.records import SampleScore

GIVEN = {"A": 0.2, "B": 0.4, "C": 0.9, "D": 0.5}
TYPES = {"A": "STS", "B": "STS", "C": "Classification", "D": "BitextMining"}


def result(name, *scores, split="test", subset="default", languages=("eng-Latn",)):
    rows = [{"main_score": score, "hf_subset": subset, "languages": [*languages]} for score in scores]
    return TaskResult(
        dataset_revision="0", task_name=name, mteb_version="2.0.0", scores={split: rows}, evaluation_time=None
    )


def results(given):
    return {name: result(name, score) for name, score in given.items()}


def rows(task, score, count=400, stratum="test/default"):
    values = np.random.default_rng(count).permutation(np.arange(count) < round(score * count))
    return [SampleScore(task, stratum, f"{place}", "mean", 0.0, [float(value)]) for place, value in enumerate(values)]


def all_rows(names="ABCD"):
    return [row for name in names for row in rows(name, GIVEN[name])]


def test_points_by_task_and_type_in_the_papers_order():
    summary = summarise(results(GIVEN), TYPES, [], complete=True)
    assert summary["tasks"] == pytest.approx({"A": 20, "B": 40, "C": 90, "D": 50})
    assert summary["types"] == pytest.approx({"Classification": 90, "STS": 30, "BitextMining": 50})
    assert list(summary["types"]) == ["Classification", "STS", "BitextMining"]
    assert summary["mean_task"] == pytest.approx(50)
    assert summary["mean_type"] == pytest.approx(170 / 3)


def test_each_score_has_an_interval_that_holds_it():
    summary = summarise(results(GIVEN), TYPES, all_rows(), complete=True)
    intervals = summary["intervals"]
    for level in ("types", "tasks"):
        assert list(intervals[level]) == list(summary[level])
        for name, score in summary[level].items():
            assert intervals[level][name]["low"] < score < intervals[level][name]["high"]
    for name in ("mean_task", "mean_type"):
        assert intervals[name]["low"] < summary[name] < intervals[name]["high"]
    assert intervals["tasks"]["D"]["high"] - intervals["tasks"]["D"]["low"] == pytest.approx(2 * 4.9, rel=0.1)


def test_averages_are_surer_than_their_tasks():
    intervals = summarise(results(GIVEN), TYPES, all_rows(), complete=True)["intervals"]
    width = {name: ends["high"] - ends["low"] for name, ends in intervals["tasks"].items()}
    assert intervals["types"]["STS"]["high"] - intervals["types"]["STS"]["low"] < min(width["A"], width["B"])
    assert intervals["mean_task"]["high"] - intervals["mean_task"]["low"] < np.mean([*width.values()])


def test_task_without_rows_takes_the_intervals_of_its_averages_with_it():
    intervals = summarise(results(GIVEN), TYPES, all_rows("BCD"), complete=True)["intervals"]
    assert list(intervals["tasks"]) == ["B", "C", "D"]
    assert list(intervals["types"]) == ["Classification", "BitextMining"]
    assert set(intervals) == {"tasks", "types"}


def test_model_that_lacks_tasks_has_no_means_and_no_average_over_half_a_type():
    done = {name: GIVEN[name] for name in ("B", "C")}
    summary = summarise(results(done), TYPES, all_rows("BC"), complete=False)
    assert list(summary["tasks"]) == ["B", "C"]
    assert list(summary["types"]) == list(summary["intervals"]["types"]) == ["Classification"]
    assert "mean_task" not in summary
    assert set(summary["intervals"]) == {"tasks", "types"}


def test_score_that_is_no_number_counts_as_not_done():
    given = results({**GIVEN, "A": float("nan")})
    summary = summarise(given, TYPES, all_rows("BCD"), complete=True)
    assert list(summary["tasks"]) == ["B", "C", "D"]
    assert list(summary["types"]) == ["Classification", "BitextMining"]
    assert "mean_task" not in summary


def test_model_without_any_task_has_an_empty_summary():
    nothing = {"types": {}, "tasks": {}}
    assert summarise({}, TYPES, [], complete=False) == {**nothing, "intervals": nothing}


def test_summary_is_the_same_in_every_run():
    first, second = (summarise(results(GIVEN), TYPES, all_rows(), complete=True) for _ in range(2))
    assert first == second


@pytest.mark.parametrize("benchmark", ["MTEB(eng, v2)", "MTEB(eng, v1)"])
def test_means_are_those_of_mtebs_own_table(benchmark, monkeypatch):
    # Another column of the table, for which mteb walks the training data of all models that it knows.
    monkeypatch.setattr("mteb.benchmarks._create_table._zero_shot_pct_cached", lambda *_: None)
    benchmark, generator, given = mteb.get_benchmark(benchmark), random.Random(0), {}
    for task in benchmark.tasks:  # MSMARCO's dev split and STS22's one language pair among them
        (split,), (subset,) = task.eval_splits, task.hf_subsets
        languages = task.metadata.hf_subsets_to_langscripts[subset]
        name = task.metadata.name
        given[name] = result(name, generator.random(), split=split, subset=subset, languages=languages)
    known = "sentence-transformers/all-MiniLM-L6-v2"  # mteb's table has only models that it knows
    model = ModelResult(model_name=known, model_revision="0", task_results=[*given.values()])
    table = BenchmarkResults(model_results=[model], benchmark=benchmark).get_benchmark_result().iloc[0]
    types = {task.metadata.name: task.metadata.type for task in benchmark.tasks}
    summary = summarise(given, types, [], complete=True)
    assert summary["mean_task"] == pytest.approx(100 * table["Mean (Task)"])
    assert summary["mean_type"] == pytest.approx(100 * table["Mean (TaskType)"])
    for kind, points in summary["types"].items():
        assert points == pytest.approx(100 * table[kind])


def test_parts_of_an_aggregate_are_strata_of_one_task():
    aggregate = mteb.get_task("CQADupstackRetrieval")
    names = [part.metadata.name for part in aggregate.tasks]
    counts = [50 + 10 * place for place in range(len(names))]
    rows_of_parts = [
        rows("CQADupstackRetrieval", 0.5, n, f"{name}/test/default") for name, n in zip(names, counts, strict=True)
    ]
    whole = aggregate.combine_task_results([result(name, 0.5) for name in names])
    samples = [row for part in rows_of_parts for row in part]
    summary = summarise({"CQADupstackRetrieval": whole}, {"CQADupstackRetrieval": "Retrieval"}, samples, complete=True)
    ends = summary["intervals"]["tasks"]["CQADupstackRetrieval"]
    assert summary["mean_task"] == pytest.approx(50)
    expected = 100 * 1.96 * np.sqrt(sum(0.25 / n for n in counts)) / len(names)
    assert (ends["high"] - ends["low"]) / 2 == pytest.approx(expected, rel=0.1)
