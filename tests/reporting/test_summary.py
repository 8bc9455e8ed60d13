import sys

import pytest

from stages.reporting import summary
from stages.shared.files import write_json


@pytest.fixture
def shown(results, repository, request, monkeypatch, capsys):
    (repository / "reports").mkdir()
    (repository / "reports/paper").symlink_to(request.config.rootpath / "reports/paper")
    for name, metrics in results.metrics.items():
        write_json(f"reports/metrics/{name}.json", metrics)
    write_json("reports/metrics/baselines.json", results.baselines)
    write_json("reports/timings/training.json", {"seconds": 90.0, "peak_mib": 1000.0})
    write_json("reports/timings/corpus.json", {"seconds": 10.0, "peak_mib": 200.0})
    monkeypatch.setattr(sys, "argv", ["summary"])
    summary.main()
    return capsys.readouterr().out


def test_the_summary_shows_scores_baselines_levels_times_and_what_to_do_next(shown):
    lines = [line.split() for line in shown.splitlines()]
    assert ["trained", "40.0", "41.0", "42.0", "43.0", "44.0", "45.0", "42.5"] in lines
    assert ["TF-IDF", "30.0", "31.0", "32.0", "33.0", "34.0", "35.0", "32.5"] in lines
    assert any(line[:2] == ["the", "positive"] and line[-4:] == ["0.400", "0.300", "0.200", "0.100"] for line in lines)
    assert ["total", "100.0", "s"] in lines
    for next_step in ("reports/index.html", "dvc dag", "dvc metrics show", "dvc exp run -S pooling=ata"):
        assert next_step in shown


def test_stages_are_timed_in_pipeline_order(shown):
    assert shown.index("  corpus") < shown.index("  training")


def test_without_results_the_summary_says_what_to_run(repository):  # noqa: ARG001 (the working directory)
    with pytest.raises(SystemExit, match="dvc repro"):
        summary.main()
