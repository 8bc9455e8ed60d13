import pytest

from stages.reporting import paper_tables
from stages.reporting.results import TYPES, load_results, read_paper
from stages.shared.errors import UserError
from stages.shared.files import write_json


@pytest.fixture(autouse=True)
def _in_checkout(monkeypatch, request):
    monkeypatch.chdir(request.config.rootpath)  # reports/paper lies there


def test_table1_keeps_our_rows_and_the_papers_apart_and_says_what_ours_are(results, settings):
    (ours_heading, ours), (paper_heading, paper) = paper_tables.table1(results, settings).groups
    assert ours_heading == "This run: profile tiny, 6 tasks"
    assert "MTEB English v1, 56 tasks" in paper_heading
    assert [row[1] for row in ours] == ["trained", "untrained backbone", "TF-IDF"]
    assert ours[0] == ["synthetic", "trained", "3", 40.0, 41.0, 42.0, 43.0, 44.0, 45.0, None, 42.5]
    assert paper[4][:3] == ["synthetic", "MGH + ATA", "310K"]
    assert paper[-1][-1] == 67.0


def test_the_papers_means_agree_with_its_task_types_weighted_by_their_tasks():
    tasks = dict(zip(TYPES, (12, 11, 3, 4, 15, 10, 1), strict=True))
    for row in read_paper("table1"):
        mean = sum(float(row[name]) * count for name, count in tasks.items()) / 56
        assert mean == pytest.approx(float(row["mean"]), abs=0.2), row


def test_similarity_shows_both_anchors_and_the_papers_row(results, settings):
    (_, ours), (_, paper) = paper_tables.similarity(results, settings).groups
    assert ours == [["the query", 0.4, 0.3, 0.2, 0.1], ["the positive", 0.4, 0.3, 0.2, 0.1]]
    assert paper[0][1:] == [0.881, 0.857, 0.845, 0.793]


def test_task_scores_have_a_column_for_each_model(results):
    table = paper_tables.task_scores(results)
    assert table.columns == ["task", "trained", "untrained backbone", "TF-IDF"]
    assert table.groups[0][1][4] == ["DocsRetrieval", 44.0, 14.0, 34.0]


def test_a_stage_that_has_not_run_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_json("reports/metrics/corpus.json", {})
    with pytest.raises(UserError, match=r"reports/metrics/training\.json") as error:
        load_results()
    assert "corpus.json" not in str(error.value)
    assert "dvc repro" in str(error.value)
