"""Each task measures what its name says, is the same for the same documents, and says when they are too few."""

import dataclasses
from collections import Counter

import mteb
import pytest

from stages.evaluation.tasks import OWN_TASKS
from stages.shared.errors import UserError

NAMES = tuple(OWN_TASKS)


@pytest.mark.parametrize("name", NAMES)
def test_oracle_is_near_the_top_and_chance_far_below(name, run, model_of, oracle, chance):
    known, drawn = (
        100 * run(model_of(embed, label), [name]).results[name].get_score()
        for label, embed in (("oracle", oracle), ("chance", chance))
    )
    assert known > 99 if name in ("DocsRetrieval", "DocsReranking", "DocsPairClassification") else known > 90
    assert drawn < known - 30


@pytest.mark.parametrize("name", NAMES)
def test_mteb_loads_the_task_itself_and_its_result_names_the_documents(name, held_out, model_of, oracle):
    task = OWN_TASKS[name](held_out)
    revision = task.metadata.revision
    encode = {"batch_size": 16, "show_progress_bar": False}
    result = mteb.evaluate(model_of(oracle).model, task, cache=None, show_progress_bar=False, encode_kwargs=encode)
    assert result.task_results[0].dataset_revision == revision
    assert not task.data_loaded
    assert task.metadata.revision == revision


@pytest.mark.parametrize("name", NAMES)
def test_same_documents_give_the_same_data_and_one_other_document_another_revision(name, held_out):
    def content(task):
        task.load_data()
        splits = task.dataset.get("default", task.dataset)
        return (
            {split: {part: list(rows or []) for part, rows in data.items()} for split, data in splits.items()}
            if ("default" in task.dataset)
            else {split: list(rows) for split, rows in splits.items()}
        )

    first, second = OWN_TASKS[name](held_out), OWN_TASKS[name](held_out)
    other = OWN_TASKS[name]([dataclasses.replace(held_out[0], id="other"), *held_out[1:]])
    assert content(first) == content(second)
    assert first.metadata.revision == second.metadata.revision != other.metadata.revision


@pytest.mark.parametrize("name", NAMES)
def test_too_few_documents_name_the_task_and_the_key(name, held_out):
    with pytest.raises(UserError, match=name) as caught:
        OWN_TASKS[name](held_out[:8]).load_data()
    assert "evaluation.max_documents" in str(caught.value)
    assert "(8 documents)" in str(caught.value)


@pytest.mark.parametrize("name", NAMES)
def test_metadata_says_what_an_instruction_model_needs(name):
    metadata = OWN_TASKS[name].metadata
    assert metadata.type == name.removeprefix("Docs")
    assert metadata.prompt
    assert metadata.description


def test_reranking_ranks_the_own_body_against_the_nearest_ones(held_out):
    task = OWN_TASKS["DocsReranking"](held_out)
    task.load_data()
    data = task.dataset["default"]["test"]
    candidates = data["top_ranked"][f"q{held_out[0].id}"]  # alpha.graphs.first:Thing.step0
    assert len(candidates) == len(set(candidates)) == 20
    assert candidates[0] == held_out[0].id
    assert {name.rpartition(".")[0] for name in candidates[1:5]} == {"alpha.graphs.first:Thing"}
    assert {name.partition(":")[0] for name in candidates[5:10]} == {"alpha.graphs.first"}
    assert {name.rpartition(".")[0] for name in (row.partition(":")[0] for row in candidates[10:])} == {"alpha.graphs"}


def test_classification_is_balanced_and_its_halves_are_disjoint(held_out):
    task = OWN_TASKS["DocsClassification"](held_out)
    task.load_data()
    assert Counter(task.dataset["train"]["label"]) == {0: 12, 1: 12, 2: 12}
    assert Counter(task.dataset["test"]["label"]) == {0: 18, 1: 18, 2: 18}
    assert not set(task.dataset["train"]["text"]) & set(task.dataset["test"]["text"])


def test_sts_has_one_pair_of_every_grade_for_each_document(held_out):
    task = OWN_TASKS["DocsSTS"](held_out)
    task.load_data()
    alpha = [row for row in held_out if row.source == "alpha"]  # beta has one area, so no partner of grade 1
    assert Counter(task.dataset["test"]["score"]) == dict.fromkeys(range(5), len(alpha))
    body_of = {row.summary: row.body for row in held_out}
    own = [row["sentence2"] == body_of[row["sentence1"]] for row in task.dataset["test"]]
    assert own == [score == 4 for score in task.dataset["test"]["score"]]
