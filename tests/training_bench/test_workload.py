"""What both sides are given, and that they compute the same from it."""

import json
from dataclasses import asdict

import numpy as np
import pytest
from benching.processes import WrongResult

from stages.shared.records import TrainingSample, read_records, write_records
from stages.training_bench import ours, peer, workload
from stages.training_bench.processes import measured
from stages.training_bench.work import ENCODE_MAX_LENGTH, Work, read_settings


def sample(number):
    negatives = [f"n{number}{place}" for place in range(4)]
    return TrainingSample(f"{number}", "short_long", "", f"q{number}", f"p{number}", negatives)


def all_texts(samples):
    return [text for sample in samples for text in (sample.query, sample.positive, *sample.negatives)]


def test_generated_samples_are_always_the_same_and_have_no_text_twice(tmp_path):
    for name in ("one", "two"):
        assert workload.write_samples(tmp_path / name, 40, tmp_path) == "generated samples"
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    samples = read_records(tmp_path / "one", TrainingSample)
    texts = all_texts(samples)
    assert len(texts) == len(set(texts)) == 40 * 6
    queries, positives = ([len(text.split()) for text in texts[place::6]] for place in (0, 1))
    assert max(queries) < min(positives)


def test_samples_of_the_pipeline_are_taken_in_order_without_those_that_repeat_a_text(tmp_path):
    made = [sample(number) for number in range(5)]
    repeats = TrainingSample("5", "short_long", "", "q5", "n01", ["a", "b", "c", "d"])
    pair = TrainingSample("6", "short_long", "", "q6", "p6", [])
    write_records(tmp_path / workload.SAMPLES, TrainingSample, [*made[:2], repeats, pair, *made[2:]])
    assert workload.write_samples(tmp_path / "out", 5, tmp_path) == "the pipeline's samples"
    assert read_records(tmp_path / "out", TrainingSample) == made
    assert workload.write_samples(tmp_path / "more", 6, tmp_path) == "generated samples"
    assert len(read_records(tmp_path / "more", TrainingSample)) == 6


def test_texts_are_those_of_the_corpus_where_there_are_enough(tmp_path, corpus, documents):
    (tmp_path / "data/corpus").mkdir(parents=True)
    (tmp_path / workload.CORPUS).write_bytes(corpus.read_bytes())
    assert workload.write_texts(tmp_path / "texts", 5, tmp_path) == "texts of the corpus"
    first, second, third = documents[:3]
    expected = [first.summary, first.body, second.summary, second.body, third.summary]
    assert json.loads((tmp_path / "texts").read_text()) == expected
    assert workload.write_texts(tmp_path / "texts", 500, tmp_path) == "generated texts"
    assert len(json.loads((tmp_path / "texts").read_text())) == 500


def test_backbone_is_made_where_there_is_none_of_that_size(tmp_path, backbone):
    (tmp_path / "data").mkdir()
    (tmp_path / "data/backbone").symlink_to(backbone)  # smaller
    made = workload.backbone(tmp_path / "made", tmp_path)
    assert made == str(tmp_path / "made")
    config = json.loads((tmp_path / "made/model/config.json").read_text())
    assert (config["vocab_size"], config["hidden_size"], config["num_hidden_layers"]) == (8192, 256, 2)
    (tmp_path / "data/backbone").unlink()
    (tmp_path / "data/backbone").symlink_to(made)
    assert workload.backbone(tmp_path / "unused", tmp_path) == str(tmp_path / "data/backbone")


def test_both_sides_give_the_same_embeddings_with_and_without_padding(backbone, texts):
    work = Work(str(backbone), "fp32")
    encoder, model = ours.load(work, read_settings(work)), peer.load(work, ENCODE_MAX_LENGTH)
    for some in (texts, [texts[0]], [" ".join(texts)] * 2):  # the last ones are cut, and so of equal length
        given = encoder.encode(some, chunk_tokens=4096, max_length=ENCODE_MAX_LENGTH)
        np.testing.assert_allclose(given, model.encode(some, normalize_embeddings=True), rtol=0, atol=1e-5)


def test_peer_gets_its_columns_in_the_order_that_its_loss_wants():
    negatives = [(f"negative_{number + 1}", [f"n1{number}"]) for number in range(4)]
    assert list(peer.columns([sample(1)]).items()) == [("anchor", ["q1"]), ("positive", ["p1"]), *negatives]


def test_both_sides_take_the_same_steps(backbone, tmp_path):
    workload.write_samples(tmp_path / "samples", 12, tmp_path)
    work = Work(str(backbone), "fp32", samples=str(tmp_path / "samples"), batch_size=4, steps=3, untimed=1)
    said = [measured(client, "train", work) for client in ("ours", "peer")]
    # The third loss comes after two optimizer steps: rates, decay and clipping are the same too.
    np.testing.assert_allclose(said[0]["losses"], said[1]["losses"], rtol=0, atol=1e-4)
    for run in said:
        assert run["steps_per_second"] > 0
        assert run["peak_mib"] >= run["before_mib"] > 0
    assert 0 <= said[0]["padding"] < 1


def test_process_that_fails_is_told_with_what_it_printed(backbone):
    with pytest.raises(WrongResult, match=r"training_bench.peer .*tidy.*\n(.|\n)*KeyError: 'tidy'"):
        measured("peer", "tidy", Work(str(backbone), "fp32"))


def test_settings_are_those_of_profile_tiny_but_for_what_both_sides_must_share():
    settings = read_settings(Work("x", "bf16", batch_size=7, steps=5))
    assert settings.profile.runtime.precision == "bf16"
    assert settings.profile.runtime.threads == 2
    assert (settings.profile.training.batch_size, settings.profile.training.steps) == (7, 5)
    assert (settings.params.pooling, settings.params.attention) == ("mean", "bidirectional")
    assert Work(**json.loads(json.dumps(asdict(Work("x", "fp32"))))) == Work("x", "fp32")
