import csv
import io

import pytest

from stages.reporting.run_tables import evaluated as evaluated_table
from stages.reporting.run_tables import intervals, task_scores
from stages.reporting.tables import markdown, to_csv


def cells(table):
    """First cell -> the cells after it as a reader sees them."""
    return {row[0]: [table.cell(value) for value in row[1:]] for _, rows in table.groups for row in rows}


def test_task_scores_have_a_column_for_each_model_and_a_dash_for_what_one_cannot_do(results):
    table = task_scores(results)
    assert table.columns == ["task", "trained", "untrained backbone", "TF-IDF", "BM25"]
    assert table.groups[0][1][4] == ["DocsRetrieval", 44.0, 14.0, 34.0, 24.0]
    assert cells(table)["DocsSTS"] == ["45.0", "15.0", "35.0", "–"]


def test_without_baselines_the_trained_encoder_stands_alone(results):
    results.baselines.clear()
    assert cells(task_scores(results))["DocsSTS"] == ["45.0"]
    assert cells(intervals(results))["DocsSTS"] == ["45.0 [44.0, 46.0]"]


def test_intervals_list_tasks_then_types_then_means(results):
    results.metrics["evaluation"]["types"] = {"BitextMining": 1.0, **results.metrics["evaluation"]["types"]}
    table = intervals(results)
    tasks, types, means = ([row[0] for row in rows] for _, rows in table.groups)
    assert tasks == list(results.metrics["evaluation"]["tasks"])
    assert types[0] == "Classification"
    assert types[-1] == "BitextMining"
    assert means == ["mean of tasks", "mean of types"]
    assert "95% bootstrap intervals" in table.caption
    assert "tasks are fixed" in table.caption


def test_a_score_stands_with_its_interval_if_it_has_one(results):
    del results.metrics["evaluation"]["intervals"]["tasks"]["DocsSTS"]
    del results.metrics["evaluation"]["intervals"]["mean_task"]
    shown = cells(intervals(results))
    assert shown["DocsRetrieval"] == [
        "44.0 [43.0, 45.0]",
        "14.0 [13.0, 15.0]",
        "34.0 [33.0, 35.0]",
        "24.0 [23.0, 25.0]",
    ]
    assert shown["DocsSTS"] == ["45.0", "15.0 [14.0, 16.0]", "35.0 [34.0, 36.0]", "–"]
    assert shown["mean of tasks"] == ["42.5", "12.5 [11.5, 13.5]", "32.5 [31.5, 33.5]", "–"]


def test_csv_of_the_intervals_has_numbers_alone(results):
    rows = {row["score"]: row for row in csv.DictReader(io.StringIO(to_csv(intervals(results))))}
    assert [float(rows["STS"][f"trained{part}"]) for part in ("", " low", " high")] == [45.0, 44.0, 46.0]
    assert [rows["STS"][f"BM25{part}"] for part in ("", " low", " high")] == ["", "", ""]
    assert rows["STS"]["origin"] == "This run: mean by type"


def test_evaluated_tells_each_tasks_revision_or_parts_and_what_the_encoder_read_of_it(evaluated):
    table = evaluated_table(evaluated)
    assert "mteb 2.26.24" in table.caption
    assert cells(table) == {
        "DocsRetrieval": ["Retrieval", "ndcg_at_10", "01234567", "1000", "1.2"],
        "CQADupstackRetrieval": ["Retrieval", "ndcg_at_10", "3 parts", "1000", "1.2"],
    }


@pytest.mark.parametrize("read", [{"samples": 3, "texts": 0, "cut": 0}, {"samples": 3}])
def test_a_share_of_no_texts_is_a_dash(evaluated, read):
    evaluated["tasks"]["DocsRetrieval"]["models"]["encoder"] = read
    assert "| DocsRetrieval | Retrieval | ndcg_at_10 | 01234567 | 3 | – |" in markdown(evaluated_table(evaluated))
