"""The model card: metadata that the Hub reads, figures of this model alone, and code that runs."""

import contextlib
import io
import json
import re
import subprocess
from dataclasses import asdict, replace

import pytest
from huggingface_hub import ModelCard

from stages.encoder import EncoderConfig
from stages.evaluation.export.provenance import provenance
from stages.evaluation.export.write import write_export
from stages.evaluation.models.meta import hash_of_weights
from stages.shared.files import write_json
from tests.evaluation.export.conftest import save_encoder
from tests.evaluation.export.test_embeddings import APART

CONFIG = EncoderConfig("ata", "bidirectional")

SCORES = {
    "mean_task": 45.25,
    "mean_type": 45.25,
    "types": {"STS": 50.5, "Retrieval": 40.0},
    "tasks": {"DocsSTS": 50.5, "SciFact": 40.0},
}
INTERVALS = {"mean_task": {"low": 44.0, "high": 46.5}, "tasks": {"DocsSTS": {"low": 49.0, "high": 52.0}}}
BASELINES = {
    "tfidf": {"mean_task": 47.0, "tasks": {"DocsSTS": 44.0, "SciFact": 50.0}},
    "bm25": {"mean_task": 55.0, "tasks": {"SciFact": 55.0}},
}
DESCRIBED = {
    "DocsSTS": {
        "type": "STS",
        "main_score": "cosine_spearman",
        "revisions": {"DocsSTS": "abc"},
        "splits": ["test"],
        "subsets": ["default"],
    }
}
SCIFACT = {
    "type": "Retrieval",
    "main_score": "ndcg_at_10",
    "revisions": {"SciFact": "def"},
    "splits": ["test"],
    "subsets": ["default"],
}


def parts(exported):
    card = ModelCard.load(exported.export.folder / "README.md")
    return card.data, card.text


@pytest.fixture
def scored(export, backbone, tmp_path):
    """`scored(...)` exports a model whose evaluation has left its files in the working directory."""

    def make(config=CONFIG, *, revision=None, **changes):
        weights = revision or hash_of_weights(save_encoder(config, tmp_path / "scored", backbone))
        shape = {"pooling": config.pooling, "attention": config.attention, **changes.get("shape", {})}
        meta = {"revision": weights, "max_tokens": changes.get("max_tokens", 96.0), "experiment_kwargs": shape}
        write_json("data/evaluation/encoder/model_meta.json", meta)
        write_json("data/evaluation/tasks.json", {"mteb": "2", "tasks": changes.get("described", DESCRIBED)})
        if intervals := changes.get("intervals", INTERVALS):
            write_json("data/evaluation/intervals.json", {"encoder": intervals})
        write_json("reports/metrics/evaluation.json", changes.get("scores", SCORES))
        write_json("reports/metrics/baselines.json", BASELINES)
        return export(config)

    return make


def test_metadata_is_what_the_hub_reads(scored):
    data, _ = parts(scored())
    assert (data.library_name, data.pipeline_tag, data.language) == (
        "sentence-transformers",
        "sentence-similarity",
        ["en"],
    )
    assert {"sentence-transformers", "mteb", "custom_code"} <= set(data.tags)
    assert (data.license, data.base_model) == (None, None)
    (result,) = data.eval_results
    assert (result.task_type, result.dataset_name, result.metric_type) == ("STS", "DocsSTS", "cosine_spearman")
    assert (result.metric_value, result.dataset_split, result.dataset_revision) == (50.5, "test", "abc")


def test_scores_stand_beside_the_baselines_with_their_intervals(scored):
    exported = scored()
    assert exported.export.notes == []
    _, text = parts(exported)
    assert "| task | type | metric | this model | TF-IDF | BM25 |" in text
    assert "\n| DocsSTS | STS | cosine_spearman | 50.5 [49.0, 52.0] | 44.0 | – |\n" in text
    assert "\n| SciFact |  |  | 40.0 | 50.0 | 55.0 |\n" in text
    assert "\n| mean |  |  | 45.2 [44.0, 46.5] | 47.0 | – |\n" in text
    assert "- On 1 of 2 tasks TF-IDF is ahead of this model." in text
    assert "- On 1 of 1 task BM25 is ahead of this model." in text


def test_scores_without_intervals_or_descriptions_are_shown_all_the_same(scored):
    data, text = parts(scored(intervals=None, described={}))
    assert "| DocsSTS | 50.5 | 44.0 | – |" in text
    assert "interval" not in text
    assert data.eval_results is None


@pytest.mark.parametrize("other", ["weights", "pooling", "none"])
def test_scores_of_another_encoder_are_never_shown(scored, export, other):
    if other == "pooling":
        scored()
        exported = export(EncoderConfig("mean", "bidirectional"), "other")
    else:
        exported = scored(revision="0" * 16) if other == "weights" else export(CONFIG)
    data, text = parts(exported)
    assert data.eval_results is None
    assert "50.5" not in text
    assert "None are shown" in text
    assert any("no scores in the model card" in note for note in exported.export.notes)


INSTRUCTED = replace(CONFIG, instructions=True)


@pytest.mark.parametrize(
    ("config", "changes", "told"),
    [
        (CONFIG, {"max_tokens": 128.0}, "max_length 128, now 96"),
        (CONFIG, {"shape": {"ata_score": "linear"}}, "ata_score linear, now log1p"),
        (CONFIG, {"shape": {"latent_size": 64, "attention": "causal"}}, "attention causal, now bidirectional, latent_"),
        (INSTRUCTED, {"shape": {"evaluation_instructions": {"STS": "Compare"}}}, "evaluation.instructions"),
    ],
)
def test_scores_of_other_settings_are_never_shown(scored, config, changes, told):
    exported = scored(config, **changes)
    assert "None are shown" in parts(exported)[1]
    (note,) = exported.export.notes
    assert f"the encoder was scored with other evaluation settings: {told}" in note
    assert "`dvc repro evaluation`" in note


@pytest.mark.parametrize("config", [CONFIG, INSTRUCTED])
@pytest.mark.parametrize("instructions", [None, {}])
def test_scores_of_the_same_settings_are_shown(scored, config, instructions):
    exported = scored(config, shape={**asdict(config), "evaluation_instructions": instructions, "dtype": "float32"})
    assert exported.export.notes == []


def test_instructions_do_not_matter_to_an_encoder_that_reads_none(scored):
    assert scored(shape={"evaluation_instructions": {"STS": "Compare"}}).export.notes == []


def test_tasks_whose_data_are_of_a_folder_filled_by_hand_are_named(scored):
    _, text = parts(scored(described={"DocsSTS": DESCRIBED["DocsSTS"], "SciFact": {**SCIFACT, "data": "folder"}}))
    assert "\n- The data of SciFact come from a folder that was filled by hand: that they are those of" in text


def test_without_such_tasks_nothing_is_said_of_folders(scored):
    _, text = parts(scored(described={"SciFact": {**SCIFACT, "data": "hub"}}))
    assert "by hand" not in text


def test_description_of_the_tasks_that_is_damaged_costs_the_scores(scored):
    exported = scored(described=[])
    assert "data/evaluation/tasks.json is not the file that the evaluation writes" in exported.export.notes[0]


def test_recipe_and_origin_are_those_of_the_settings(scored):
    _, text = parts(scored())
    assert "| `pooling` | ata |" in text
    assert "| `training.temperature` | 0.05 |" in text
    assert "| `training.lora` | null |" in text
    assert "documentation of the Python packages numpy, scipy" in text
    assert "no language model has written them" in text


def test_recipe_that_did_not_make_the_encoder_is_left_out(settings_of, backbone, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = save_encoder(CONFIG, tmp_path / "encoder", backbone)
    written = write_export(folder, "model", settings_of(EncoderConfig("mean", "causal")), backbone=backbone)
    text = (tmp_path / "model/README.md").read_text()
    assert "`training.temperature`" not in text
    assert "The settings that made it were not at hand" in text
    assert "languages" not in text
    assert any("the encoder was trained with pooling ata, the settings now say mean" in note for note in written.notes)


def test_commit_and_lock_are_named(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dvc.lock").write_text("lock")
    for command in (["init", "-q"], ["add", "dvc.lock"], ["commit", "-qm", "x"]):
        subprocess.run(["git", "-c", "user.name=x", "-c", "user.email=x@x", *command], check=True, cwd=tmp_path)
    head = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True).stdout[:12]
    assert provenance()["commit"] == head
    (tmp_path / "dvc.lock").write_text("another")
    assert provenance()["commit"] == f"{head}-dirty"
    assert provenance()["dvc.lock"] == "ae448ac86c4e"
    monkeypatch.setenv("PATH", "")
    assert provenance()["commit"] == "unknown"


@pytest.mark.parametrize("config", [EncoderConfig("mean", "causal"), replace(CONFIG, **APART)], ids=["plain", "ata"])
def test_code_of_the_card_runs_where_the_folder_lies(shared, monkeypatch, config):
    exported = shared(config)
    (first, second) = re.findall(r"```python\n(.*?)```", parts(exported)[1], re.S)
    monkeypatch.chdir(exported.export.folder.parent)
    evaluated = []
    monkeypatch.setattr("mteb.evaluate", lambda model, _: evaluated.append(model))
    monkeypatch.setattr("mteb.get_tasks", lambda _: None)
    printed, names = io.StringIO(), {}
    with contextlib.redirect_stdout(printed):
        exec(first, names)
        exec(second, names)
    assert "tensor([[" in printed.getvalue()
    assert evaluated[0].mteb_model_meta.name == "mgh-ata-embeddings/model"


def test_prompts_are_shown_as_they_are(shared):
    exported = shared(replace(CONFIG, **APART))
    _, text = parts(exported)
    prompts = json.loads((exported.export.folder / "config_sentence_transformers.json").read_text())["prompts"]
    assert prompts == {"query": exported.load().prompts["query"], "document": ""}
    assert f"{prompts['query']}<your query>" in text
    assert "left out of the pool" in text
