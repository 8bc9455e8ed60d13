import sys

import pytest

from stages.reporting import summary
from stages.shared.files import write_json


@pytest.fixture
def show(results, repository, request, monkeypatch, capsys):
    """Prints `results` as they are when it is called."""
    (repository / "reports").mkdir()
    (repository / "reports/paper").symlink_to(request.config.rootpath / "reports/paper")
    write_json("reports/timings/training.json", {"seconds": 90.0, "peak_mib": 1000.0})
    write_json("reports/timings/corpus.json", {"seconds": 10.0, "peak_mib": 200.0})
    monkeypatch.setattr(sys, "argv", ["summary"])

    def show():
        for name, metrics in {**results.metrics, "baselines": results.baselines}.items():
            write_json(f"reports/metrics/{name}.json", metrics)
        models = {"encoder": results.metrics["evaluation"], **results.baselines}
        write_json("data/evaluation/intervals.json", {name: model["intervals"] for name, model in models.items()})
        summary.main()
        return capsys.readouterr().out

    return show


def test_the_summary_shows_scores_baselines_levels_times_and_what_to_do_next(show):
    shown = show()
    lines = [line.split() for line in shown.splitlines()]
    assert ["trained", "40.0", "41.0", "42.0", "43.0", "44.0", "45.0", "42.5"] in lines
    assert ["TF-IDF", "30.0", "31.0", "32.0", "33.0", "34.0", "35.0", "32.5"] in lines
    assert ["BM25", "–", "–", "–", "23.0", "24.0", "–", "–"] in lines
    assert ["DocsSTS", "45.0", "15.0", "35.0", "–"] in lines
    assert any(line[:2] == ["the", "positive"] and line[-4:] == ["0.400", "0.300", "0.200", "0.100"] for line in lines)
    assert ["total", "100.0", "s"] in lines
    for next_step in ("reports/index.html", "dvc dag", "dvc metrics show", "dvc exp run -S pooling=ata"):
        assert next_step in shown


def test_the_interval_of_the_trained_mean_stands_under_the_scores_if_there_is_one(show, results):
    line = (
        "  95% interval of the trained mean: 41.5 to 43.5; compare two runs with python -m stages.evaluation.compare\n"
    )
    shown = show()
    assert shown.index("BM25") < shown.index(line) < shown.index("Tasks")
    del results.metrics["evaluation"]["intervals"]["mean_task"]
    assert "interval" not in show()


def test_types_and_models_that_nobody_foresaw_are_shown_by_their_names(show, results):
    results.metrics["evaluation"]["types"]["BitextMining"] = 77.0
    results.baselines.clear()
    results.baselines["./runs/model[b]"] = results.metrics["evaluation"]
    lines = [line.split() for line in show().splitlines()]
    assert ["model", "Class.", "Clust.", "Pair", "Rerank", "Retr.", "STS", "BitextMining", "mean"] in lines
    assert ["model[b]", "40.0", "41.0", "42.0", "43.0", "44.0", "45.0", "77.0", "42.5"] in lines


def test_five_models_and_the_longest_task_fit_into_80_columns_and_wider_tables_cut_no_name_short(show, results):
    results.baselines["hashed"] = results.baselines["tfidf"]
    scores = show().partition("Tasks\n")
    assert "DocsPairClassification" in scores[2]
    assert max(map(len, scores[2].splitlines())) <= 80
    names = [f"owner/a-long-name-of-model-{number}" for number in range(8)]
    results.baselines.update(dict.fromkeys(names, results.baselines["tfidf"]))
    shown = show()
    assert all(name in line for line in shown.splitlines() if "task " in line for name in names)
    assert "…" not in shown


def test_stages_are_timed_in_pipeline_order(show):
    shown = show()
    assert shown.index("  corpus") < shown.index("  training")


def test_without_results_the_summary_says_what_to_run(repository):  # noqa: ARG001 (the working directory)
    with pytest.raises(SystemExit, match="dvc repro"):
        summary.main()
