"""Result files are mteb's and the same in every run; a task that fails costs no other, and nothing is done twice."""

import math

import numpy as np
import pytest
from mteb.models.abs_encoder import AbsEncoder
from mteb.results import TaskResult

from stages.evaluation import run as module
from stages.evaluation.models.baselines import load_baseline
from stages.evaluation.models.embed import Embedded
from stages.evaluation.models.encoders import TRAINED
from stages.evaluation.models.meta import model_meta
from stages.evaluation.models.roster import Model
from stages.evaluation.models.text_model import TextModel
from stages.evaluation.partial import Partial
from stages.evaluation.tasks import OWN_TASKS
from stages.shared.records import SampleScore, read_records

NAMES = list(OWN_TASKS)


def files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def main_scores(outcome):
    return {name: result.get_score() for name, result in outcome.results.items()}


@pytest.fixture
def stopped(monkeypatch):
    """`stopped(name)`: the next evaluation is stopped as by Ctrl-C when it comes to the task `name`."""

    def stopped(name):
        load = module._load

        def stop(task, mirror):
            if task.metadata.name == name:
                raise KeyboardInterrupt
            load(task, mirror)

        monkeypatch.setattr(module, "_load", stop)
        return lambda: monkeypatch.setattr(module, "_load", load)

    return stopped


def test_two_runs_write_the_same_bytes_which_mteb_loads(run, model_of, chance, tmp_path):
    first, second = model_of(chance), model_of(chance)
    outcome = run(first, NAMES, "first")
    first.partial.clear()
    run(second, NAMES, "second")
    assert files(tmp_path / "first") == files(tmp_path / "second")
    assert files(tmp_path / "first").keys() == {
        *(f"{name}.json" for name in NAMES),
        "model_meta.json",
        "samples.parquet",
    }
    for name, result in outcome.results.items():
        loaded = TaskResult.from_disk(tmp_path / "first" / f"{name}.json")
        assert math.isclose(loaded.get_score(), result.get_score(), abs_tol=1e-6)
        assert (loaded.evaluation_time, loaded.date, loaded.evaluation_phases) == (None, None, None)


def test_every_task_of_ours_has_samples(run, model_of, oracle, tmp_path):
    outcome = run(model_of(oracle), NAMES)
    assert outcome.failures == {}
    assert {row.task for row in outcome.samples} == set(NAMES)
    assert read_records(tmp_path / "results" / "samples.parquet", SampleScore) == outcome.samples
    assert outcome.facts["DocsRetrieval"] == {"samples": 90, "texts": 180, "cut": 0}


def test_task_scores_do_not_depend_on_the_tasks_beside_it(run, model_of, oracle):
    together = run(model_of(oracle, "one"), ["DocsClustering", "DocsClassification"]).results
    alone = run(model_of(oracle, "other"), ["DocsClassification"]).results
    assert alone["DocsClassification"].scores == together["DocsClassification"].scores


def test_texts_of_our_tasks_are_embedded_once(run, model_of, oracle):
    asked = []

    def counting(texts):
        asked.extend(texts)
        return oracle(texts)

    run(model_of(counting), ["DocsRetrieval", "DocsSTS"])
    assert len(asked) == len(set(asked)) == 180


def test_run_stopped_at_any_task_goes_on_to_the_same_files_and_scores(run, model_of, chance, stopped, tmp_path):
    scores = main_scores(run(model_of(chance, "whole"), NAMES, "whole"))
    whole = files(tmp_path / "whole")
    whole.pop("model_meta.json")  # it has the model's name
    for name in NAMES:
        go_on = stopped(name)
        with pytest.raises(KeyboardInterrupt):
            run(model_of(chance, name), NAMES, name)
        go_on()
        asked = []

        def counting(texts, asked=asked):
            asked.append(texts)
            return chance(texts)

        outcome = run(model_of(counting, name), NAMES, name)
        assert main_scores(outcome) == scores, name  # with every digit: their averages go into a hashed file
        parts = files(tmp_path / name)
        parts.pop("model_meta.json")
        assert parts == whole, name
        assert len(asked) == 1, name  # the texts of the tasks that were missing


def test_finished_run_asks_for_nothing(run, model_of, chance):
    run(model_of(chance), NAMES)
    run(model_of(lambda _: 1 / 0), NAMES)


def test_failing_task_is_told_and_the_others_are_done(run, model_of, oracle):
    outcome = run(model_of(oracle), ["STS12", "DocsRetrieval"])  # tests are offline
    assert list(outcome.results) == ["DocsRetrieval"]
    message = str(outcome.failures["STS12"])
    assert message.startswith("cannot load the data of the task STS12")
    assert "runtime.offline" in message
    assert "stages.evaluation.mirror pull" in message


def test_embeddings_that_are_not_finite_fail_the_task(run, model_of, oracle):
    def broken(texts):
        embeddings = oracle(texts)
        embeddings[3, 0] = np.nan
        return embeddings

    outcome = run(model_of(broken), ["DocsRetrieval"])
    assert "1 of 180 texts, first: 'Body about" in str(outcome.failures["DocsRetrieval"])


@pytest.mark.parametrize("name", [TRAINED, "hashed"])
def test_score_that_is_no_number_fails_the_trained_encoder_and_is_told_of_a_baseline(name, run, model_of, capsys):
    constant = TextModel(
        lambda texts, _: Embedded(np.ones((len(texts), 2), dtype=np.float32), np.zeros(len(texts))),
        model_meta(name, revision="0", embed_dim=2, framework=[]),
        learned=False,
    )
    outcome = run(model_of(None, name)._replace(model=constant), ["DocsSTS"])
    if name == TRAINED:
        assert "the main score of DocsSTS, cosine_spearman, is no number" in str(outcome.failures["DocsSTS"])
    else:
        assert math.isnan(outcome.results["DocsSTS"].get_score())
        assert "hashed has no score in DocsSTS" in capsys.readouterr().out


@pytest.mark.parametrize(("ours", "most"), [(True, module.ROWS), (False, module.OTHERS_ROWS)])
def test_models_that_do_not_chunk_texts_get_few_at_a_time(ours, most, run, model_of, oracle):
    sizes = []

    class Recorded(TextModel if ours else AbsEncoder):
        mteb_model_meta = model_meta("test", revision="0", embed_dim=2, framework=[])

        def encode(self, inputs, *, batch_size, **_):
            texts = [text for batch in inputs for text in batch["text"]]
            sizes.append(batch_size)
            return oracle(texts)

    given = Recorded(model_of(oracle).model._embed, Recorded.mteb_model_meta) if ours else Recorded()
    run(model_of(oracle)._replace(model=given), ["DocsSTS"])
    assert set(sizes) == {most}


def test_folder_that_cannot_be_written_costs_no_other_task(run, model_of, chance, partial_folder):
    partial_folder.write_text("a file where the folder should be")
    outcome = run(model_of(chance), ["DocsRetrieval", "DocsSTS"])
    assert outcome.failures.keys() == {"DocsRetrieval", "DocsSTS"}
    assert "MGH_PARTIAL" in str(outcome.failures["DocsSTS"])
    outcome = run(model_of(lambda _: 1 / 0), ["DocsSTS"])
    assert "its traceback could not be written" in str(outcome.failures["DocsSTS"])


def test_error_that_nobody_foresaw_leaves_its_traceback_in_a_file(run, model_of, partial_folder):
    outcome = run(model_of(lambda _: 1 / 0), ["DocsRetrieval"])
    assert str(outcome.failures["DocsRetrieval"]).startswith("ZeroDivisionError: division by zero\n  next: see ")
    (path,) = partial_folder.glob("*/DocsRetrieval.traceback.txt")
    assert "1 / 0" in path.read_text()


def test_model_that_only_searches_does_what_it_can(run, settings):
    model = Model("bm25", "bm25", load_baseline("bm25", settings), Partial("bm25", {}), None)
    outcome = run(model, NAMES)
    assert outcome.results.keys() == {"DocsReranking", "DocsRetrieval"}
    assert outcome.failures == {}
    assert outcome.facts["DocsRetrieval"] == {"samples": 90}
