import xml.etree.ElementTree as ElementTree
from itertools import pairwise

import numpy as np
import pytest
from matplotlib.container import BarContainer, ErrorbarContainer

from stages.reporting import figures
from stages.shared.files import write_csv, write_text


@pytest.fixture(autouse=True)
def _in_checkout(monkeypatch, request):
    monkeypatch.chdir(request.config.rootpath)  # reports/paper lies there


@pytest.fixture
def histogram(tmp_path):
    path = tmp_path / "similarity.csv"
    write_csv(path, [{"similarity": 0.25 + 0.5 * row, "N1": 0.5, "N2": 0.5, "N3": 0.5, "N4": 0.5} for row in range(2)])
    return path


def _curves(folder, levels):
    for name in ("loss", "in_batch_accuracy", "level"):
        values = levels if name == "level" else [1 / (step + 1) for step in range(len(levels))]
        write_text(folder / f"{name}.tsv", f"step\t{name}\n" + "".join(f"{s}\t{v}\n" for s, v in enumerate(values)))
    return folder


def _texts(figure):
    return [text.get_text() for axes in figure.axes for text in axes.texts]


def test_every_figure_is_an_svg_and_the_same_bytes_when_drawn_again(results, histogram, tmp_path):
    curves = _curves(tmp_path / "curves", [4, 4, 3, 3, 2, 2, 1, 1])
    draws = {
        "scores": lambda: figures.scores(results),
        "similarity": lambda: figures.similarity(results, histogram),
        "training": lambda: figures.training_curves(curves),
    }
    for name, draw in draws.items():
        files = [tmp_path / f"{name}{number}.svg" for number in range(2)]
        for path in files:
            figures.save(draw(), path)
        assert files[0].read_bytes() == files[1].read_bytes()
        assert ElementTree.parse(files[0]).getroot().tag.endswith("svg")


def _bars(figure):
    """Model -> the middles of its bars, of those alone that are drawn."""
    return {
        bars.get_label(): [bar.get_x() + bar.get_width() / 2 for bar in bars]
        for bars in figure.axes[0].containers
        if isinstance(bars, BarContainer)
    }


def _intervals(figure):
    """Lower and upper ends of all error bars."""
    lines = [
        line for bars in figure.axes[0].containers if isinstance(bars, ErrorbarContainer) for line in bars.lines[2]
    ]
    return [tuple(segment[:, 1]) for line in lines for segment in line.get_segments()]


def test_scores_label_each_bar_with_its_points(results):
    assert {"40", "10", "30", "23"} <= set(_texts(figures.scores(results)))


def test_scores_draw_a_bar_only_where_there_is_a_score_and_centre_those_of_each_type(results):
    bars = _bars(figures.scores(results))
    assert {model: len(middles) for model, middles in bars.items()} == {
        "trained": 6,
        "untrained backbone": 6,
        "TF-IDF": 6,
        "BM25": 2,
    }
    assert bars["untrained backbone"][0] == pytest.approx(0)  # Classification: three models
    assert bars["untrained backbone"][3] + bars["TF-IDF"][3] == pytest.approx(2 * 3)  # Reranking: four


@pytest.mark.parametrize("count", [0, 1, 7, 17])
def test_scores_of_any_number_of_models_do_not_overlap_and_each_looks_its_own(results, count):
    results.baselines.clear()
    results.baselines.update({f"owner/model-{number}": results.metrics["evaluation"] for number in range(count)})
    figure = figures.scores(results)
    bars = [bar for bars in figure.axes[0].containers if isinstance(bars, BarContainer) for bar in bars]
    edges = sorted((bar.get_x(), bar.get_x() + bar.get_width()) for bar in bars)
    assert len(edges) == 6 * (count + 1)
    assert all(right <= left + 1e-9 for (_, right), (left, _) in pairwise(edges))
    assert len({(bar.get_facecolor(), bar.get_hatch()) for bar in bars}) == count + 1


def test_scores_have_error_bars_where_there_are_intervals_even_if_one_does_not_hold_its_score(results):
    results.baselines.clear()
    trained = results.metrics["evaluation"]
    trained["intervals"]["types"] = {"STS": {"low": 46.0, "high": 47.0}}
    assert _intervals(figures.scores(results)) == [(46.0, 47.0)]
    del trained["intervals"]["types"]
    assert _intervals(figures.scores(results)) == []


def test_scores_leave_out_a_model_that_can_do_no_task_and_show_types_the_paper_does_not_have(results):
    results.metrics["evaluation"]["types"]["BitextMining"] = -3.0
    results.baselines["bm25"] = {"types": {}, "tasks": {}, "intervals": {}}
    figure = figures.scores(results)
    assert "BM25" not in _bars(figure)
    assert figure.axes[0].get_xticklabels()[-1].get_text() == "Bitext\nMining"
    assert "-3" in _texts(figure)


def test_training_curves_name_the_levels_in_the_order_they_were_trained(tmp_path):
    assert _texts(figures.training_curves(_curves(tmp_path, [4, 4, 3, 3, 2, 2, 1, 1]))) == ["N4", "N3", "N2", "N1"]


def test_training_curves_of_the_random_curriculum_name_no_levels(tmp_path):
    assert _texts(figures.training_curves(_curves(tmp_path, [1, 4, 2, 3] * 8))) == []


def test_curve_of_scores_has_a_point_for_each_step(tmp_path):
    rows = [{"step": step, "score": 10.0 + step, "low": 9.0 + step, "high": 11.0 + step} for step in (0, 4, 8)]
    write_csv(tmp_path / "curve.csv", rows)
    axes = figures.score_curve(tmp_path / "curve.csv").axes[0]
    np.testing.assert_allclose(axes.lines[0].get_xydata(), [[0, 10], [4, 14], [8, 18]])


def test_curve_of_scores_is_drawn_without_intervals_too(tmp_path):
    write_csv(tmp_path / "curve.csv", [{"step": step, "score": 1.0, "low": None, "high": None} for step in (0, 4, 8)])
    assert len(figures.score_curve(tmp_path / "curve.csv").axes[0].lines) == 1


def test_run_without_copies_has_no_curve_of_scores(tmp_path):
    write_csv(tmp_path / "curve.csv", [{"step": step, "score": 1.0, "low": 0.0, "high": 2.0} for step in (0, 8)])
    assert figures.score_curve(tmp_path / "curve.csv") is None
