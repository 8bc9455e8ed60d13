import pytest

from stages.reporting import results as module
from stages.reporting.results import Results, find, load_evaluated, load_results, order_types
from stages.shared.errors import UserError
from stages.shared.files import write_json

SCORES = {"types": {}, "tasks": {}, "intervals": {}}


def labels(*names):
    """What readers see in place of the names of the baselines."""
    first, *others = Results({"evaluation": SCORES}, dict.fromkeys(names, SCORES)).models
    assert first == "trained"
    return others


def test_baselines_keep_their_order_and_get_the_names_that_readers_know():
    assert labels("bm25", "untrained", "tfidf", "hashed") == ["BM25", "untrained backbone", "TF-IDF", "hashed words"]
    assert labels() == []


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("intfloat/e5-small-v2", "intfloat/e5-small-v2"),
        ("all-MiniLM-L6-v2", "all-MiniLM-L6-v2"),
        ("external/models/encoder", "encoder"),
        ("../encoder/", "encoder"),
        ("/models/encoder", "encoder"),
    ],
)
def test_a_hub_model_is_called_by_its_name_and_a_folder_by_its_last_part(name, label):
    assert labels(name) == [label]


def test_models_that_would_be_called_the_same_are_told_apart():
    assert labels("./a/model", "./b/model") == ["model (./a/model)", "model (./b/model)"]
    assert labels("./runs/trained") == ["trained (./runs/trained)"]


def test_find_reads_what_is_there_and_gives_none_for_what_a_model_cannot_do(results):
    trained, bm25 = results.models["trained"], results.models["BM25"]
    assert find(trained, "types", "STS") == 45.0
    assert find(trained, "intervals", "mean_task") == {"low": 41.5, "high": 43.5}
    assert find(bm25, "types", "STS") is None
    assert find(bm25, "mean_task") is None
    assert find({"types": {}}, "intervals", "types", "STS") is None


def test_types_stand_in_the_papers_order_and_others_after_them():
    assert order_types({"STS", "BitextMining", "Retrieval", "Any"}) == ["Retrieval", "STS", "Any", "BitextMining"]


def test_a_stage_that_has_not_run_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_json("reports/metrics/corpus.json", {})
    with pytest.raises(UserError, match=r"reports/metrics/training\.json") as error:
        load_results()
    assert "corpus.json" not in str(error.value)
    assert "dvc repro" in str(error.value)


def test_intervals_are_read_into_the_scores(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for stage in module.STAGES:
        write_json(f"reports/metrics/{stage}.json", {"types": {}, "tasks": {}})
    write_json("reports/metrics/baselines.json", {"bm25": {"types": {}, "tasks": {}}})
    write_json(module.INTERVALS, {"encoder": {"mean_task": {"low": 1.0, "high": 2.0}}, "bm25": {}})
    models = load_results().models
    assert find(models["trained"], "intervals", "mean_task") == {"low": 1.0, "high": 2.0}
    assert find(models["BM25"], "intervals", "mean_task") is None


def test_a_missing_list_of_tasks_names_the_file_and_the_stage(tmp_path, monkeypatch, evaluated):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"data/evaluation/tasks\.json missing") as error:
        load_evaluated()
    assert "dvc repro evaluation" in str(error.value)
    write_json(module.EVALUATED, evaluated)
    assert load_evaluated() == evaluated
