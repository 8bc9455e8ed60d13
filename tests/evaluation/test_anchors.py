"""What the evaluation measures of ATA's weights in held-out texts."""

import dataclasses
import json

import pytest
from ata_pooling.shading import TokenWeights

from stages.encoder import Encoder, EncoderConfig
from stages.evaluation import anchors
from stages.evaluation.anchors import kinds_of, look, shares
from stages.shared.files import write_json


def weights(tokens, special, ata):
    return TokenWeights(tuple(tokens), tuple(special), {"ata": tuple(ata)})


@pytest.fixture
def encoder(backbone):
    return Encoder.from_backbone(backbone, EncoderConfig("mean", "bidirectional"))


def looked(encoder, documents):
    return look(encoder, documents, max_length=48)


@pytest.mark.parametrize(
    ("tokens", "special", "kinds"),
    [
        (
            ["<s>", "[I]", " A", " b", ",", " ()", "c_", "_", "</s>"],
            [1, 1, 0, 0, 0, 0, 0, 0, 1],
            ["start of template"] * 2
            + ["first word", "other"]
            + ["punctuation"] * 2
            + ["other", "punctuation", "last token"],
        ),
        ([" A", " b", "."], [0, 0, 0], ["first word", "other", "last token"]),  # a tokenizer without a template
        (["A", "", "\n", "<mask>", "é", "x"], [0, 0, 0, 1, 0, 0], ["first word", *["other"] * 4, "last token"]),
        (["A"], [0], ["last token"]),
    ],
)
def test_each_token_is_of_one_kind(tokens, special, kinds):
    assert kinds_of(weights(tokens, map(bool, special), [1 / len(tokens)] * len(tokens))) == kinds


def test_shares_are_means_over_texts_and_leave_out_kinds_that_do_not_occur():
    texts = [
        weights([" A", ".", " b", "</s>"], [False, False, False, True], [0.5, 0.2, 0.2, 0.1]),
        weights([" A", "</s>"], [False, True], [0.2, 0.8]),
    ]
    found = shares(texts)
    assert list(found) == ["first word", "punctuation", "last token", "other"]
    assert found["first word"] == pytest.approx({"tokens": 0.375, "ata": 0.35, "heaviest": 0.5})
    assert found["last token"] == pytest.approx({"tokens": 0.375, "ata": 0.45, "heaviest": 0.5})
    assert [sum(row[name] for row in found.values()) for name in ("tokens", "ata", "heaviest")] == pytest.approx(
        [1] * 3
    )


def test_even_weights_have_the_tokens_shares():
    found = shares([weights([" A", ".", ",", "</s>"], [False, False, False, True], [0.25] * 4)])
    assert all(row["ata"] == row["tokens"] for row in found.values())


@pytest.mark.parametrize(("pooling", "attention"), [("mean", "bidirectional"), ("last", "causal"), ("ata", "causal")])
def test_every_pooling_is_looked_at_in_the_same_three_lines(backbone, documents, pooling, attention):
    encoder = Encoder.from_backbone(backbone, EncoderConfig(pooling, attention, ata_score="linear"))
    found = looked(encoder, documents)
    assert (found["pooling"], found["attention"], found["score"]) == (pooling, attention, "linear")
    assert found["texts"] == len(documents)
    assert found["lightest"] < 1 < found["heaviest"]
    assert len(found["figures"]) == 3
    for figure in found["figures"]:
        assert list(figure["weights"]) == ["mean", "last", "ata"]
        assert {len(values) for values in figure["weights"].values()} == {len(figure["tokens"])}
        assert sum(figure["weights"]["ata"]) == pytest.approx(1, abs=1e-5)


def test_texts_shown_are_those_nearest_to_the_length_and_their_choice_follows_no_order_of_rows(
    encoder, documents, tmp_path
):
    short = [dataclasses.replace(row, body="matrix") for row in documents[:12]]
    found = looked(encoder, [*short, *documents[12:]])
    assert all(len(figure["tokens"]) > 20 for figure in found["figures"])
    write_json(tmp_path / "first.json", found)
    write_json(tmp_path / "second.json", looked(encoder, [*documents[:11:-1], *short]))
    assert (tmp_path / "first.json").read_bytes() == (tmp_path / "second.json").read_bytes()
    assert json.loads((tmp_path / "first.json").read_text())["kinds"]["first word"]["tokens"] > 0


def test_no_more_texts_are_read_than_the_limit(encoder, documents, monkeypatch):
    monkeypatch.setattr(anchors, "TEXTS", 5)
    found = looked(encoder, documents)
    assert found["texts"] == 5
    chosen = {f"{row.group}:{row.name}" for row in sorted(documents, key=lambda row: row.id)[:5]}
    assert {figure["document"] for figure in found["figures"]} <= chosen


def test_without_a_text_there_is_nothing_to_say_and_no_error(encoder, documents):
    blank = [dataclasses.replace(row, body=" ") for row in documents]
    for rows in ([], blank):
        found = looked(encoder, rows)
        assert (found["texts"], found["figures"], found["kinds"]) == (0, [], {})
