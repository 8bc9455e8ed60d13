"""The page says of ATA's weights what was measured, whichever way it turned out."""

import re

import pytest

from stages.reporting import results
from stages.reporting.anchors import anchor_table, section, verdict
from stages.reporting.tables import to_csv
from stages.shared.errors import UserError
from stages.shared.files import write_json


def measured(anchors, ratios, heaviest=1.2):
    """`anchors` with these ratios of weight to tokens, by kind."""
    kinds = {kind: {"tokens": 0.1, "ata": 0.1 * ratio, "heaviest": 0.2} for kind, ratio in ratios.items()}
    return {**anchors, "kinds": kinds, "heaviest": heaviest}


def test_no_anchor_that_weighs_more_is_said_plainly(anchors):
    said = verdict(measured(anchors, {"first word": 1.0, "punctuation": 1.24, "last token": 0.5, "other": 0.9}))
    assert "None of the paper's anchors (first word, punctuation and last token)" in said
    assert "does not show the paper's claim" in said
    assert "goes to: punctuation, 1.24 times" in said
    assert "ATA is close to mean pooling here" in said


def test_some_anchors_are_told_from_the_others(anchors):
    said = verdict(measured(anchors, {"first word": 4.0, "punctuation": 1.3, "last token": 0.5, "other": 0.9}))
    assert "at least 1.25 times an even share goes to: first word and punctuation. Less goes to: last token." in said


def test_all_anchors_agree_with_the_paper(anchors):
    ratios = {"start of template": 9.0, "first word": 4.0, "punctuation": 2.0, "last token": 1.25, "other": 0.9}
    said = verdict(measured(anchors, ratios, heaviest=6.0))
    assert "All of the paper's anchors" in said
    assert "as the paper claims" in said
    assert "goes to: start of template, 9.00 times" in said
    assert "6.00 times" in said
    assert "close to mean" not in said


def test_an_anchor_that_did_not_occur_is_not_judged(anchors):
    assert "(first word and last token)" in verdict(measured(anchors, {"first word": 1.0, "last token": 1.0}))


def test_without_held_out_texts_the_section_says_so(anchors):
    empty = {**anchors, "texts": 0, "kinds": {}, "figures": [], "heaviest": 0.0, "lightest": 0.0}
    made = section(empty)
    assert made["texts"] == []
    assert "no held-out text" in made["verdict"]
    assert len(to_csv(anchor_table(empty)).splitlines()) == 1


def test_table_has_shares_in_percent_and_their_ratio(anchors):
    rows = {row[0]: row[1:] for row in anchor_table(anchors).groups[0][1]}
    assert rows["first word"] == pytest.approx([10, 12, 1.2, 25])


def test_section_draws_each_text_for_each_pooling_with_texts_as_text(anchors):
    (text,) = section(anchors)["texts"]
    assert text["name"] == "alpha.core:fit"
    assert re.findall("<dt>(.*?)</dt>", text["figure"]) == ["mean", "last", "ata"]
    assert "&lt;script&gt;" in text["figure"]
    assert "<script>" not in text["figure"]


def test_missing_measurements_name_the_stage(tmp_path, monkeypatch, anchors):
    monkeypatch.setattr(results, "ANCHORS", tmp_path / "anchors.json")
    with pytest.raises(UserError, match="dvc repro evaluation"):
        results.load_anchors()
    write_json(tmp_path / "anchors.json", anchors)
    assert results.load_anchors() == anchors
