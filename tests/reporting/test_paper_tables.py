import pytest

from stages.reporting import paper_tables
from stages.reporting.results import TYPES, read_paper


@pytest.fixture(autouse=True)
def _in_checkout(monkeypatch, request):
    monkeypatch.chdir(request.config.rootpath)  # reports/paper lies there


def test_table1_keeps_our_rows_and_the_papers_apart_and_says_what_ours_are(results, settings):
    (ours_heading, ours), (paper_heading, paper) = paper_tables.table1(results, settings).groups
    assert ours_heading == "This run: profile tiny, 6 tasks"
    assert "MTEB English v1, 56 tasks" in paper_heading
    assert [row[1] for row in ours] == ["trained", "untrained backbone", "TF-IDF", "BM25"]
    assert ours[0] == ["synthetic", "trained", "3", 40.0, 41.0, 42.0, 43.0, 44.0, 45.0, None, 42.5]
    assert ours[3] == ["–", "BM25", "–", None, None, None, 23.0, 24.0, None, None, None]
    assert paper[4][:3] == ["synthetic", "MGH + ATA", "310K"]
    assert paper[-1][-1] == 67.0


def test_types_that_the_paper_does_not_have_follow_its_own_under_their_names(results, settings):
    results.metrics["evaluation"]["types"] |= {"MultilabelClassification": 12.0, "BitextMining": 11.0}
    table = paper_tables.table1(results, settings)
    (_, ours), (_, paper) = table.groups
    assert table.columns[-4:] == ["Summ.", "BitextMining", "MultilabelClassification", "mean"]
    assert ours[0][-4:] == [None, 11.0, 12.0, 42.5]
    assert ours[1][-3:] == [None, None, 12.5]
    assert paper[-1][-4:] == [31.3, None, None, 67.0]
    assert {len(row) for row in (*ours, *paper)} == {len(table.columns)}


def test_the_papers_means_agree_with_its_task_types_weighted_by_their_tasks():
    tasks = dict(zip(TYPES, (12, 11, 3, 4, 15, 10, 1), strict=True))
    for row in read_paper("table1"):
        mean = sum(float(row[name]) * count for name, count in tasks.items()) / 56
        assert mean == pytest.approx(float(row["mean"]), abs=0.2), row


def test_similarity_shows_both_anchors_and_the_papers_row(results, settings):
    (_, ours), (_, paper) = paper_tables.similarity(results, settings).groups
    assert ours == [["the query", 0.4, 0.3, 0.2, 0.1], ["the positive", 0.4, 0.3, 0.2, 0.1]]
    assert paper[0][1:] == [0.881, 0.857, 0.845, 0.793]
