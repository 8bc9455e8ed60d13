"""What the bench's processes do, in this one and small."""

import json
import socket
from dataclasses import replace

import numpy as np
import pytest

from stages.evaluation import shards
from stages.evaluation.mirror.adopt import adopt
from stages.evaluation.mirror.needs import needed
from stages.evaluation_bench import (
    exported,
    identical_case,
    known,
    locked,
    million,
    offline,
    resume_case,
    scored,
    speed_case,
    stopped,
    work,
)
from stages.evaluation_bench.clock import Clock
from stages.evaluation_bench.results import NO_MIRROR
from stages.evaluation_bench.resume_case import files
from stages.evaluation_bench.stopped import ENCODING
from stages.shared.records import Document, read_records, write_records
from stages.shared.settings import TaskChoice
from tests.evaluation.mirror import small
from tests.evaluation_bench.conftest import options


@pytest.fixture(autouse=True)
def _made_up_documents(monkeypatch, tmp_path):
    monkeypatch.setattr(known, "HELD_OUT", tmp_path / "none")
    monkeypatch.setenv("MGH_PARTIAL", str(tmp_path / "partial"))


@pytest.fixture
def small_mirror(tmp_path):
    folder = tmp_path / "mirror"
    for name in ("STS12", "SciFact"):
        small.write(folder / small.task(name).metadata.dataset["path"], small.TASKS[name]())
    adopt(folder, needed(map(small.task, ("STS12", "SciFact"))))
    return folder


def test_settings_are_those_of_profile_tiny_on_all_instructions_of_the_processor():
    settings = work.read_settings()
    assert (settings.params.pooling, settings.params.attention) == ("mean", "bidirectional")
    assert (settings.profile.runtime.threads, settings.profile.runtime.instruction_set) == (2, "native")


def test_processes_leave_nothing_outside_their_folder(tmp_path):
    environment = work.environment(tmp_path)
    for name in ("HF_HOME", "MTEB_CACHE", "MGH_PARTIAL", "TMPDIR"):
        assert environment[name].startswith(str(tmp_path))


def test_exported_encoder_is_compared_text_by_text(tmp_path, monkeypatch):
    settings = work.read_settings()
    tiny = {"vocabulary": 400, "hidden_size": 32, "intermediate_size": 48}
    backbone = settings.profile.backbone.model_copy(update=tiny)
    settings = replace(settings, profile=settings.profile.model_copy(update={"backbone": backbone}))
    monkeypatch.setattr(exported, "VOCABULARY_TEXTS", 100)
    found = exported.run(settings, folder=str(tmp_path), kinds=[("ata", "causal")], texts=30)
    assert 0 < found["distances"][0] <= 1e-6
    other = exported.write_encoder(tmp_path / "other", tmp_path / "backbone", settings, "ata", "bidirectional")
    texts = ["one", "two and some more"]
    assert exported.distance(other, tmp_path / "ata-causal-exported", texts, settings, trust=True) > 1e-4


def test_process_without_a_network_runs_a_task_and_compares_its_data(small_mirror, tmp_path, monkeypatch):
    for owner, name in ((socket.socket, "connect"), (socket.socket, "connect_ex"), (socket, "getaddrinfo")):
        monkeypatch.setattr(owner, name, getattr(owner, name))  # put back at the end
    tasks = [TaskChoice(task="STS12").model_dump(), TaskChoice(task="STS13").model_dump()]
    found = offline.run(None, folder=str(tmp_path), mirror=str(small_mirror), tasks=tasks)
    assert found["tried"] == []
    good, bad = found["tasks"]
    assert (good["failure"], good["numbers"]) == (None, 16)
    assert "test.num_samples" in good["differ"]
    assert "has no data for STS13" in bad["failure"]
    with pytest.raises(OSError, match="no network"):
        socket.create_connection(("127.0.0.1", 9))


def test_tries_to_reach_a_network_are_told(monkeypatch):
    for owner, name in ((socket.socket, "connect"), (socket.socket, "connect_ex"), (socket, "getaddrinfo")):
        monkeypatch.setattr(owner, name, getattr(owner, name))
    tried = offline.cut_off()
    with pytest.raises(OSError, match="no network"):
        socket.create_connection(("example.org", 80))
    with socket.socket() as one, pytest.raises(OSError, match="no network"):
        one.connect(("127.0.0.1", 9))
    assert tried == ["example.org", "('127.0.0.1', 9)"]


def test_both_ways_to_score_give_equal_numbers(small_mirror, tmp_path):
    task = TaskChoice(task="SciFact").model_dump()
    path = str(tmp_path / "documents.parquet")
    assert known.write_documents(path, 150) == "150 made-up documents"
    given = {"own": ["DocsSTS", "DocsReranking"], "documents": path, "mirror": str(small_mirror), "tasks": [task]}
    for side in identical_case.SIDES:
        assert scored.run(None, side=side, folder=str(tmp_path), **given) == {"tasks": 3}
    ours, plain = (json.loads((tmp_path / f"{side}.json").read_text()) for side in identical_case.SIDES)
    assert list(ours) == ["DocsSTS", "DocsReranking", "SciFact"]
    assert 0.1 < ours["DocsSTS"]["test"][0]["main_score"] < 1
    assert dict(identical_case.leaves(ours)) == dict(identical_case.leaves(plain))


def test_documents_are_the_held_out_ones_where_the_pipeline_has_run(tmp_path, monkeypatch):
    monkeypatch.setattr(known, "HELD_OUT", tmp_path / "held_out.parquet")
    write_records(tmp_path / "held_out.parquet", Document, known.made_up(40))
    assert known.write_documents(tmp_path / "some.parquet", 30) == "30 held-out documents"
    assert set(read_records(tmp_path / "some.parquet", Document)) < set(known.made_up(40))


def test_made_up_documents_give_all_our_tasks():
    from stages.evaluation.registry import list_tasks

    rows = known.made_up(150)
    assert rows == known.made_up(150)
    assert len({row.id for row in rows}) == 150
    for listed in list_tasks(list(resume_case.TASKS), rows):
        listed.parts[0].load_data()


@pytest.mark.parametrize("at", [ENCODING, "DocsSTS"])
def test_run_that_is_killed_goes_on_to_the_same_files(at, tmp_path, monkeypatch):
    class Killed(BaseException):
        pass

    def die(*_, **__):
        raise Killed

    settings = work.read_settings()
    evaluation = settings.profile.evaluation.model_copy(update={"tasks": ["DocsRetrieval", "DocsSTS"]})
    settings = replace(settings, profile=settings.profile.model_copy(update={"evaluation": evaluation}))
    monkeypatch.setattr(stopped, "die", die)
    monkeypatch.setattr(shards, "ROWS", shards.ROWS)  # put back at the end
    monkeypatch.setattr(stopped, "ROWS", 50)
    documents = str(tmp_path / "documents.parquet")
    known.write_documents(documents, 100)
    monkeypatch.setenv("MGH_PARTIAL", str(tmp_path / "whole/mgh_partial"))
    whole = stopped.run(settings, results=f"{tmp_path}/whole/results", documents=documents, kill_at=None)
    parts = tmp_path / "parts"
    parts.mkdir()
    monkeypatch.setenv("MGH_PARTIAL", str(parts / "mgh_partial"))
    with pytest.raises(Killed):
        stopped.run(settings, results=f"{parts}/results", documents=documents, kill_at=at)
    assert resume_case.left(str(parts), at) == (2 if at == ENCODING else 1)
    on = stopped.run(settings, results=f"{parts}/results", documents=documents, kill_at=None)
    assert files(parts / "results") == files(tmp_path / "whole/results")
    assert (whole["encoded"], on["encoded"]) == (200, 100 if at == ENCODING else 200)


def test_corpus_of_the_memory_case_goes_through_the_encoder(tmp_path):
    found = million.run(None, folder=str(tmp_path), documents=300)
    assert found["texts"] == 400
    assert 0 < found["before_mib"] <= found["peak_mib"]


def test_clock_counts_seconds_and_texts_of_a_class():
    class Model:
        def encode(self, inputs, *, batch):
            return np.zeros((len(inputs) * batch, 2))

    clock = Clock()
    clock.watch(Model)
    assert Model().encode(["a"], batch=3).shape == (3, 2)
    Model().encode(["a", "b"], batch=1)
    assert clock.texts == 5
    assert 0 < clock.seconds < 1


def test_smallest_task_of_each_type(mirror):
    found = locked.smallest(mirror, ("STS", "Retrieval", "Unknown"))
    assert [task.name for task in found.values()] == ["STS5", "Retrieval7"]
    assert found["STS"].choice() == TaskChoice(task="STS5", subsets=["default"], splits=["test"])


def test_speed_says_what_it_misses(mirror, tmp_path):
    def missing():
        return speed_case.missing(options(mirror=mirror), tmp_path)

    assert speed_case.missing(options()) == NO_MIRROR
    assert "data/encoder/encoder.json is not there" in missing()
    for path in ("encoder/encoder.json", "encoder/model.safetensors", "backbone/backbone.json"):
        (tmp_path / "data" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "data" / path).touch()
    config = {"pooling": "ata", "attention": "bidirectional", "instructions": False}
    (tmp_path / "data/encoder/encoder.json").write_text(json.dumps(config))
    assert "the encoder has pooling ata" in missing()
    (tmp_path / "data/encoder/encoder.json").write_text(json.dumps(config | {"pooling": "mean"}))
    assert missing() == ""
