"""Differences from the default, over samples and over seeds."""

from pathlib import Path

import pytest

from stages.ablation.cells import by_key, read_cells, read_settings
from stages.ablation.effects import effects
from stages.shared.errors import UserError
from stages.shared.files import read_json, write_json


def found(key="curriculum"):
    return effects(by_key(read_cells(), read_settings(Path()))[key])


def test_difference_of_known_scores_is_found_with_its_seeds(made):
    for seed, lift in ((0, 0.02), (1, 0.04)):
        made("curriculum=coarse_to_fine", seed)
        made("curriculum=n1", seed, lift=lift)
    default, changed = found().values()
    assert default.differences == {}
    assert default.interval is None
    assert changed.differences == pytest.approx({0: 2.0, 1: 4.0}, abs=1e-4)
    assert changed.interval == pytest.approx((3.0, 3.0), abs=1e-4)  # all samples gained as much
    assert changed.scores[1] - default.scores[1] == pytest.approx(4.0, abs=1e-4)


def test_no_difference_is_not_beyond_chance(made):
    made("curriculum=coarse_to_fine")
    made("curriculum=n1")
    _, changed = found().values()
    assert changed.differences == {0: 0.0}
    assert changed.p_value == 1.0


def test_seeds_are_not_taken_for_independent(made):
    def width(*seeds):
        for seed in seeds:
            made("curriculum=coarse_to_fine", seed)
            made("curriculum=n1", seed, lift=0.01, noise=0.1)
        low, high = found()["n1"].interval
        return high - low

    # Each sample gains the same with both seeds: the second one says nothing new of other samples.
    assert width(0, 1) == pytest.approx(width(0), rel=1e-3)


def test_p_values_are_corrected_for_how_many_settings_are_compared(made):
    made("curriculum=coarse_to_fine")
    made("curriculum=n1", lift=0.03, noise=0.1)
    alone = found()["n1"].p_value
    made("curriculum=n2", noise=0.1)
    made("curriculum=n3", noise=0.1)
    assert 0 < alone < 0.1
    assert found()["n1"].p_value == pytest.approx(3 * alone)


def test_settings_that_were_scored_on_other_samples_are_refused(made):
    made("curriculum=coarse_to_fine")
    made("curriculum=n1", samples={"DocsRetrieval": 40, "DocsSTS": 30})
    with pytest.raises(UserError, match="were not scored on the same samples"):
        found()
    made("curriculum=n1", samples={"DocsRetrieval": 40})
    with pytest.raises(UserError, match="were not scored on the same samples"):
        found()


def test_task_without_scores_by_sample_leaves_the_difference_without_interval(made):
    for change, lift in (("curriculum=coarse_to_fine", 0.0), ("curriculum=n1", 0.02)):
        folder = made(change, lift=lift)
        scores = read_json(folder / "evaluation.json")
        write_json(folder / "evaluation.json", scores | {"tasks": scores["tasks"] | {"SciFact": 0.5}})
    changed = found()["n1"]
    assert changed.differences == pytest.approx({0: 2.0}, abs=1e-4)
    assert changed.interval is None
    assert changed.p_value is None


def test_setting_without_a_seed_of_the_default_is_told(made):
    made("curriculum=coarse_to_fine", 0)
    made("curriculum=n1", 0)
    default, changed = read_cells()
    with pytest.raises(UserError, match="n1 has no seed that coarse_to_fine has"):
        effects({"coarse_to_fine": {0: default}, "n1": {1: changed}})
