"""The whole evaluation, from the outputs of the stages before to scores, and what is said when a task fails."""

import csv
import gc
import json
import weakref
from dataclasses import replace

import pytest

from stages.encoder import Encoder, EncoderConfig
from stages.evaluation import whole
from stages.evaluation.curve import Copies
from stages.evaluation.models import baselines, encoders, roster
from stages.evaluation.models.roster import Roster
from stages.evaluation.tasks import OWN_TASKS
from stages.shared.errors import UserError

TASKS = ["DocsRetrieval", "DocsSTS"]
NO_COPIES = Copies({}, 8)


@pytest.fixture
def outputs(backbone, corpus, monkeypatch, tmp_path):
    """Where the stages before this one would have left them."""
    Encoder.from_backbone(backbone, EncoderConfig("last", "causal")).save(tmp_path / "encoder")
    monkeypatch.setattr(encoders, "BACKBONE", backbone)
    for module in (encoders, whole):
        monkeypatch.setattr(module, "ENCODER", tmp_path / "encoder")
    monkeypatch.setattr(baselines, "TRAIN", corpus)
    monkeypatch.setattr(whole, "METRICS", tmp_path / "metrics")
    monkeypatch.setattr(whole, "POINTS", tmp_path / "curve.csv")
    return tmp_path


@pytest.fixture
def evaluated(outputs, settings, held_out):
    """`evaluated(tasks, copies, **options)`: a whole evaluation in `outputs`."""

    def evaluated(tasks=TASKS, copies=NO_COPIES, **options):
        given = settings.profile.evaluation.model_copy(update={"tasks": tasks, **options})
        given = replace(settings, profile=settings.profile.model_copy(update={"evaluation": given}))
        roster = Roster(given, [row.body for row in held_out], copies.steps)
        whole.evaluate(roster, copies, held_out, given, outputs / "evaluation")

    return evaluated


def read(path):
    return json.loads(path.read_text())


def test_scores_of_all_models_stand_side_by_side(evaluated, outputs, partial_folder):
    evaluated()
    trained, others = (read(outputs / "metrics" / f"{name}.json") for name in ("evaluation", "baselines"))
    assert list(others) == ["untrained", "tfidf", "hashed", "bm25"]
    assert trained["tasks"].keys() == others["hashed"]["tasks"].keys() == set(TASKS)
    assert others["bm25"]["tasks"].keys() == {"DocsRetrieval"}
    assert "mean_task" not in others["bm25"]
    intervals = read(outputs / "evaluation/intervals.json")
    assert list(intervals) == ["encoder", *others]
    interval = intervals["encoder"]["tasks"]["DocsRetrieval"]
    assert interval["low"] <= trained["tasks"]["DocsRetrieval"] <= interval["high"]
    assert "intervals" not in trained  # which are metrics: each of their numbers is a line in `dvc metrics diff`
    folders = {path.name for path in (outputs / "evaluation").iterdir()}
    assert folders == {"encoder", *others, "tasks.json", "anchors.json", "intervals.json"}
    assert not partial_folder.exists()


def test_what_was_evaluated_is_written_down(evaluated, outputs):
    evaluated(baselines=["bm25"], max_length=16)
    written = read(outputs / "evaluation" / "tasks.json")
    task = written["tasks"]["DocsRetrieval"]
    assert written["mteb"].startswith("2.")
    assert (task["type"], task["main_score"], task["splits"]) == ("Retrieval", "ndcg_at_10", ["test"])
    assert task["models"]["encoder"]["texts"] == 180
    assert 0 < task["models"]["encoder"]["cut"] <= 180
    assert task["models"]["bm25"] == {"samples": 90}


def test_model_leaves_memory_before_the_next_one_is_loaded(evaluated, monkeypatch):
    loaded, alive = [], []
    load = encoders.load

    def remembered(*given):
        encoder = load(*given)
        loaded.append(weakref.ref(encoder))
        return encoder

    monkeypatch.setattr(encoders, "load", remembered)

    def load_baseline(name, settings):
        gc.collect()
        alive.append([model() for model in loaded if model()])
        return baselines.load_baseline(name, settings)

    monkeypatch.setattr(roster, "load_baseline", load_baseline)
    evaluated(TASKS[1:], baselines=["untrained", "tfidf"])
    assert len(loaded) == 2
    assert alive == [[]]


def test_half_precision_on_disk_changes_no_score_much(evaluated, outputs):
    evaluated(baselines=[])
    whole_numbers = read(outputs / "metrics" / "evaluation.json")["tasks"]
    evaluated(baselines=[], embeddings="fp16")
    for name, score in read(outputs / "metrics" / "evaluation.json")["tasks"].items():
        assert score == pytest.approx(whole_numbers[name], abs=1)


def test_failed_tasks_are_told_once_and_the_rest_is_kept_for_the_next_run(evaluated, outputs, partial_folder):
    with pytest.raises(UserError, match="4 tasks failed, 2 are done") as caught:  # tests are offline
        evaluated(["STS12", "DocsRetrieval", "STS13"], baselines=["hashed"])
    message = str(caught.value)
    assert message.count("cannot load the data of the task STS12") == message.count("  next: ") == 1
    assert "STS12 of encoder, STS12 of hashed: " in message
    assert "what is done is kept" in message
    assert not (outputs / "metrics").exists()
    assert (outputs / "evaluation" / "encoder" / "DocsRetrieval.json").exists()
    assert len(list(partial_folder.glob("*/DocsRetrieval-*"))) == 2
    evaluated(["DocsRetrieval"], baselines=["hashed"])
    assert not partial_folder.exists()


def test_baseline_that_cannot_be_loaded_costs_no_other_model(evaluated, outputs):
    with pytest.raises(UserError, match="2 tasks failed, 4 are done") as caught:
        evaluated(baselines=["nowhere/at-all", "hashed"])
    message = str(caught.value)
    assert "DocsRetrieval of nowhere/at-all, DocsSTS of nowhere/at-all: evaluation.baselines: nowhere/at-all" in message
    assert (outputs / "evaluation" / "hashed" / "DocsSTS.json").exists()


def test_many_reasons_are_told_in_few_lines(evaluated):
    with pytest.raises(UserError, match="112 tasks failed") as caught:
        evaluated(["MTEB(eng, v1)"], baselines=["hashed"])
    assert len(str(caught.value).splitlines()) < 30
    assert "and 46 more" in str(caught.value)


def test_mirror_that_is_not_there_is_told_before_a_model_is_loaded(evaluated, monkeypatch, tmp_path):
    monkeypatch.delattr(encoders, "load")
    with pytest.raises(UserError, match=r"stages\.evaluation\.mirror"):
        evaluated(mirror=str(tmp_path / "absent"))


def test_every_task_of_ours_is_one_that_the_profile_names(settings):
    assert set(settings.profile.evaluation.tasks) == set(OWN_TASKS)


def test_copies_on_the_way_have_their_points_on_the_curve_and_no_other_place(evaluated, outputs, backbone, monkeypatch):
    monkeypatch.setattr(encoders, "CURVE", outputs)
    Encoder.from_backbone(backbone, EncoderConfig("mean", "causal")).save_copy(outputs / "step-000004", backbone)
    evaluated(copies=Copies({"step-000004": 4}, 8), baselines=["untrained", "hashed"], curve_tasks=["DocsSTS"])
    with (outputs / "curve.csv").open() as file:
        points = {int(row["step"]): row for row in csv.DictReader(file)}
    assert list(points) == [0, 4, 8]
    trained = read(outputs / "metrics" / "evaluation.json")
    intervals = read(outputs / "evaluation/intervals.json")["encoder"]
    assert float(points[8]["score"]) == trained["tasks"]["DocsSTS"]
    assert float(points[8]["low"]) == intervals["tasks"]["DocsSTS"]["low"]
    assert points[4]["score"] != points[8]["score"]
    assert [path.name for path in (outputs / "evaluation/step-000004").glob("Docs*")] == ["DocsSTS.json"]
    assert list(read(outputs / "metrics" / "baselines.json")) == ["untrained", "hashed"]


def test_curve_of_a_run_without_copies_is_its_ends(evaluated, outputs):
    evaluated(TASKS[1:], baselines=["hashed"])
    assert (outputs / "curve.csv").read_text().splitlines()[1].startswith("8,")
