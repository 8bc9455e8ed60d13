"""The written report: tables and figures of each key, with the paper's figures apart."""

import csv
import shutil
import xml.etree.ElementTree as ElementTree

import matplotlib.pyplot as plt
import pytest

from stages.ablation import report
from stages.shared.files import write_csv
from tests.conftest import REPOSITORY


@pytest.fixture
def written(made, repository):
    """The folder of a report on two curricula, two poolings and a key of the profile, with two seeds each."""
    shutil.copytree(REPOSITORY / "reports/paper", repository / "reports/paper")
    write_csv(repository / "reports/evaluation/curve.csv", [{"step": 0, "score": 7.5}, {"step": 4, "score": 40.0}])
    for seed, lift in ((0, 0.02), (1, 0.04)):
        made("curriculum=coarse_to_fine", seed)
        made("curriculum=n1", seed, lift=lift)
        made("pooling=ata", seed, lift=-lift, steps=(4,))
        made("training.temperature=0.02", seed, lift=lift)
    report.report(repository / "out")
    return repository / "out"


def rows(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_table_has_ours_and_the_papers_apart(written):
    table = rows(written / "tables/curriculum.csv")
    ours = {row["curriculum"]: row for row in table if row["origin"] == "This run: profile tiny"}
    printed = {row["curriculum"]: row for row in table if row["origin"] == "As printed in the paper"}
    assert list(ours) == ["coarse_to_fine", "n1"]
    assert float(ours["n1"]["difference"]) == pytest.approx(3.0, abs=1e-4)
    assert ours["n1"]["difference by seed"] == "2.00 to 4.00"
    assert ours["n1"]["p"] == "<0.001"  # every sample gained as much
    assert ours["coarse_to_fine"]["difference"] == ""
    assert len(printed) == 7
    assert float(printed["n1"]["difference"]) == pytest.approx(-3.0)


def test_figures_are_drawn_where_there_is_something_to_draw(written):
    drawn = {path.name for path in (written / "figures").iterdir()}
    # One point of a curve, as pooling=ata has here, is no curve.
    assert drawn == {
        "curriculum.svg",
        "curriculum_curve.svg",
        "pooling.svg",
        "training_temperature.svg",
        "training_temperature_curve.svg",
    }
    for name in drawn:
        assert ElementTree.parse(written / "figures" / name).getroot().tag.endswith("svg")


def test_page_shows_every_figure_and_says_what_tiny_is(written):
    page = (written / "README.md").read_text()
    assert all(f"(figures/{path.name})" in page for path in (written / "figures").iterdir())
    assert "## training.temperature" in page
    assert "say nothing about the paper's claims" in page


def test_equal_cells_give_equal_bytes(written, repository):
    report.report(repository / "again")
    for path in written.rglob("*.*"):
        assert (repository / "again" / path.relative_to(written)).read_bytes() == path.read_bytes()


def test_curves_of_curricula_start_at_the_untrained_encoder(written, monkeypatch, repository):
    drawn = {}
    monkeypatch.setattr(report.figures, "curves", lambda points: drawn.update({len(drawn): points}) or plt.figure())
    report.report(repository / "again")
    by_curriculum, by_temperature = drawn.values()
    assert [seed[0] for seed in by_curriculum["n1"]] == [7.5, 7.5]
    assert 0 not in by_temperature["0.02"][0]
    assert written.exists()


def test_report_without_cells_ends_with_one_message(made, monkeypatch, capsys):
    shutil.rmtree(made("pooling=mean"))
    monkeypatch.setattr("sys.argv", ["report"])
    assert report.main() == 1
    assert capsys.readouterr().err.startswith("error: ablation: data/ablation/pooling=mean/seed=0 does not exist")
