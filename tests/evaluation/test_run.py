"""Result files are mteb's and the same in every run; whatever goes wrong has a message."""

import math

import numpy as np
import pytest
from mteb.results import TaskResult

from stages.evaluation.registry import make_task
from stages.evaluation.tasks import OWN_TASKS
from stages.shared.errors import UserError


def test_two_runs_write_the_same_bytes_which_mteb_loads(run, model_of, chance, tmp_path):
    results = run(model_of(chance), list(OWN_TASKS), "first")
    run(model_of(chance), list(OWN_TASKS), "second")
    files = sorted(path.name for path in (tmp_path / "first").iterdir())
    assert files == sorted([*(f"{name}.json" for name in OWN_TASKS), "model_meta.json"])
    for file in files:
        assert (tmp_path / "first" / file).read_bytes() == (tmp_path / "second" / file).read_bytes()
    for name, result in results.items():
        loaded = TaskResult.from_disk(tmp_path / "first" / f"{name}.json")
        assert math.isclose(loaded.get_score(), result.get_score(), abs_tol=1e-6)
        assert (loaded.evaluation_time, loaded.date, loaded.evaluation_phases) == (None, None, None)


def test_task_scores_do_not_depend_on_the_tasks_beside_it(run, model_of, oracle):
    together = run(model_of(oracle), ["DocsClustering", "DocsClassification"])
    assert run(model_of(oracle), ["DocsClassification"])["DocsClassification"].scores == (
        together["DocsClassification"].scores
    )


def test_texts_of_our_tasks_are_embedded_once(run, model_of, oracle):
    asked = []

    def counting(texts):
        asked.extend(texts)
        return oracle(texts)

    run(model_of(counting), ["DocsRetrieval", "DocsSTS"])
    assert len(asked) == len(set(asked)) == 180


def test_embeddings_that_are_not_finite_end_the_run(run, model_of, oracle):
    def broken(texts):
        embeddings = oracle(texts)
        embeddings[3, 0] = np.nan
        return embeddings

    with pytest.raises(UserError, match=r"1 of 180 texts, first: 'Body about"):
        run(model_of(broken), ["DocsRetrieval"])


def test_unreachable_task_names_itself_and_the_cause(run, model_of, oracle):
    with pytest.raises(UserError, match="cannot load the data of the task STS12") as caught:  # tests are offline
        run(model_of(oracle), ["STS12"])
    assert "runtime.offline" in str(caught.value)


def test_error_after_the_data_are_loaded_is_not_blamed_on_the_network(run, model_of, oracle):
    def full(texts):
        if len(texts) < 180:
            raise OSError("no space")
        return oracle(texts)

    model = model_of(full)
    model.remember = lambda _: None
    with pytest.raises(OSError, match="no space"):
        run(model, ["DocsRetrieval"])


def test_benchmark_tasks_come_with_the_benchmarks_languages(held_out):
    assert make_task("STS22", held_out).hf_subsets == ["en"]
    assert make_task("MSMARCO", held_out).eval_splits == ["dev"]


def test_each_model_gets_tasks_of_its_own(held_out):
    assert make_task("DocsSTS", held_out) is not make_task("DocsSTS", held_out)
    assert make_task("SciFact", held_out) is not make_task("SciFact", held_out)
