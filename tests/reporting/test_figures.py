import xml.etree.ElementTree as ElementTree

import pytest

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


def test_scores_label_each_bar_with_its_points(results):
    assert {"40", "10", "30"} <= set(_texts(figures.scores(results)))


def test_training_curves_name_the_levels_in_the_order_they_were_trained(tmp_path):
    assert _texts(figures.training_curves(_curves(tmp_path, [4, 4, 3, 3, 2, 2, 1, 1]))) == ["N4", "N3", "N2", "N1"]


def test_training_curves_of_the_random_curriculum_name_no_levels(tmp_path):
    assert _texts(figures.training_curves(_curves(tmp_path, [1, 4, 2, 3] * 8))) == []
