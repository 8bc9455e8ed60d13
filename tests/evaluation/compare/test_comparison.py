"""What is compared with what, and when a difference is called one."""

from dataclasses import replace

import numpy as np
import pytest

from stages.evaluation.compare.comparison import compare
from stages.evaluation.compare.pairing import pair
from stages.evaluation.compare.runs import Run
from stages.evaluation.compare.types import types_of
from stages.shared.errors import UserError
from tests.evaluation.compare.conftest import model, rows

NAMES = ("DocsSTS", "DocsRetrieval", "DocsReranking", "SciFact")


def runs(first, second):
    return Run("one", "encoder", first), Run("other", "encoder", second)


@pytest.fixture(scope="module")
def comparison():
    return compare(*runs(model(0.5, NAMES), model(0.51, NAMES)), resamples=1_000)


def test_lines_come_by_type_in_the_papers_order(comparison):
    assert [line.name for line in comparison.task_lines] == ["DocsReranking", "DocsRetrieval", "SciFact", "DocsSTS"]
    assert [line.name for line in comparison.type_lines] == ["Reranking", "Retrieval", "STS"]
    assert [line.name for line in comparison.mean_lines] == ["mean over tasks", "mean over types"]
    assert [line.samples for line in comparison.type_lines] == [200, 400, 200]


def test_differences_are_b_minus_a_in_points(comparison):
    for line in comparison.lines:
        assert line.difference == pytest.approx(line.second - line.first)
        assert line.low < line.difference < line.high
    retrieval = [line for line in comparison.task_lines if line.name in ("DocsRetrieval", "SciFact")]
    assert comparison.type_lines[1].difference == pytest.approx(np.mean([line.difference for line in retrieval]))
    assert comparison.mean_lines[1].first == pytest.approx(np.mean([line.first for line in comparison.type_lines]))


def test_p_values_are_corrected_among_tasks_and_among_types_but_not_for_the_means(comparison):
    smallest = min(comparison.task_lines, key=lambda line: line.p_value)
    assert smallest.corrected == pytest.approx(4 * smallest.p_value)
    smallest = min(comparison.type_lines, key=lambda line: line.p_value)
    assert smallest.corrected == pytest.approx(3 * smallest.p_value)
    for line in comparison.mean_lines:
        assert line.corrected == line.p_value


def test_pairs_of_samples_tell_systems_apart_that_their_scores_alone_do_not():
    common = np.random.default_rng(0).normal(size=100)
    line = compare(*runs(rows("DocsSTS", common), rows("DocsSTS", common + 0.01)), resamples=500).task_lines[0]
    assert line.beyond_chance
    assert (line.low, line.high) == pytest.approx((1, 1))


def test_run_against_itself_shows_no_difference():
    same = model(0.5)
    for line in compare(*runs(same, same), resamples=500).lines:
        assert (line.difference, line.low, line.high, line.corrected) == (0, 0, 0, 1)


def test_swapped_runs_have_the_opposite_difference(comparison):
    swapped = compare(comparison.second, comparison.first, resamples=1_000)
    for line, opposite in zip(comparison.lines, swapped.lines, strict=True):
        assert (opposite.difference, opposite.low, opposite.high) == pytest.approx(
            (-line.difference, -line.high, -line.low)
        )
        assert opposite.corrected == pytest.approx(line.corrected)


def test_only_samples_of_both_runs_are_paired_whatever_their_order():
    given = rows("DocsSTS", np.arange(10))
    pairing = pair(given[:8], given[:2:-1], {})
    first, second = pairing.tasks["DocsSTS"]
    assert [row.sample for row in first] == [row.sample for row in second] == ["q3", "q4", "q5", "q6", "q7"]
    assert pairing.unpaired == {"DocsSTS": (3, 2)}


@pytest.mark.parametrize("changed", [{"gold": 3.0}, {"statistic": "spearman"}, {"stratum": "dev/default"}])
def test_sample_that_is_another_one_is_not_paired(changed):
    given = rows("DocsSTS", np.arange(10))
    other = [replace(row, **changed) if row.sample == "q4" else row for row in given]
    assert pair(given, other, {}).unpaired == {"DocsSTS": (1, 1)}
    assert len(pair(given, other, {}).tasks["DocsSTS"][0]) == 9


def test_tasks_of_one_run_are_named_and_in_no_mean():
    one = compare(*runs(model(0.5, ["DocsSTS", "DocsRetrieval"]), model(0.6, ["DocsSTS", "SciFact"])), resamples=500)
    assert (one.pairing.only_first, one.pairing.only_second) == (["DocsRetrieval"], ["SciFact"])
    assert [line.name for line in one.lines] == ["DocsSTS", "STS", "mean over tasks", "mean over types"]


def on(revisions):
    return {"mteb": "2", "tasks": {task: {"revisions": {task: revision}} for task, revision in revisions.items()}}


def test_task_of_other_data_is_in_no_line_and_in_no_mean():
    first, second = (model(value, ["DocsSTS", "DocsRetrieval"]) for value in (0.5, 0.6))
    pairs = [(first, {"DocsSTS": "1", "DocsRetrieval": "1"}), (second, {"DocsSTS": "2", "DocsRetrieval": "1"})]
    one = compare(*(Run("r", "encoder", given, on(revisions)) for given, revisions in pairs), resamples=500)
    assert [line.name for line in one.lines] == ["DocsRetrieval", "Retrieval", "mean over tasks", "mean over types"]
    assert {line.samples for line in one.lines} == {200}
    assert one.pairing.other_data == {"DocsSTS": ({"DocsSTS": "1"}, {"DocsSTS": "2"})}


def test_data_are_taken_for_the_same_where_a_revision_is_unknown():
    given = model(0.5, ["DocsSTS"])
    for tasks in ({}, {"mteb": "2", "tasks": {}}, {"mteb": "2", "tasks": {"DocsSTS": {}}}):
        one = compare(Run("r", "a", given, on({"DocsSTS": "1"})), Run("r", "b", given, tasks), resamples=500)
        assert [line.name for line in one.task_lines] == ["DocsSTS"]


def test_task_that_only_one_run_has_is_told_as_such_even_if_its_data_differ():
    revisions = [{"DocsSTS": "1", "SciFact": "1"}, {"DocsSTS": "1", "SciFact": "2"}]
    pairs = zip((["DocsSTS"], ["DocsSTS", "SciFact"]), revisions, strict=True)
    one = compare(*(Run("r", "bm25", model(0.5, names), on(given)) for names, given in pairs), resamples=500)
    assert (one.pairing.only_second, one.pairing.other_data) == (["SciFact"], {})


def test_runs_without_a_common_sample_cannot_be_compared():
    with pytest.raises(UserError, match="no task in common: A has DocsSTS; B has SciFact"):
        compare(*runs(model(0.5, ["DocsSTS"]), model(0.5, ["SciFact"])), resamples=500)
    with pytest.raises(UserError, match="the samples of DocsSTS are not the same in both"):
        compare(*runs(rows("DocsSTS", [1], "test/en"), rows("DocsSTS", [1], "test/de")), resamples=500)
    with pytest.raises(UserError, match="the samples of DocsSTS are not the same in both"):
        compare(*(Run("r", "encoder", rows("DocsSTS", [1]), on({"DocsSTS": it})) for it in "12"), resamples=500)
    with pytest.raises(UserError, match="A has none; B has DocsSTS"):
        compare(*runs([], model(0.5, ["DocsSTS"])), resamples=500)


def test_task_of_one_sample_is_shown_without_an_interval_and_so_are_its_averages():
    pairs = (model(value, ["DocsRetrieval"]) + rows("DocsSTS", [value]) for value in (0.5, 0.6))
    lines = {line.name: line for line in compare(*runs(*pairs), resamples=500).lines}
    for name in ("DocsSTS", "STS", "mean over tasks"):
        assert lines[name].difference > 0
        assert lines[name].low is lines[name].p_value is lines[name].corrected is None
        assert not lines[name].beyond_chance
    assert lines["DocsRetrieval"].beyond_chance


def test_types_are_those_of_our_tasks_and_of_mtebs_or_unknown():
    types = types_of(["DocsSTS", "CQADupstackRetrieval", "SummEval", "Gone"])
    assert list(types.values()) == ["STS", "Retrieval", "Summarization", "Other"]
