"""What stands under evaluation.tasks becomes tasks, each with the parts that it is judged on."""

import mteb
import pytest

from stages.evaluation.registry import BENCHMARK, by_part, check_names, list_tasks
from stages.evaluation.tasks import OWN_TASKS
from stages.shared.errors import UserError
from stages.shared.settings import TaskChoice


def listed(*choices):
    return {task.name: task for task in list_tasks(list(choices), [])}


def test_paper_benchmark_is_56_tasks_beside_ours():
    tasks = listed(*OWN_TASKS, BENCHMARK)
    paper = [task.metadata.name for task in mteb.get_benchmark(BENCHMARK).tasks]
    assert len(paper) == 56
    assert list(tasks) == [*OWN_TASKS, *paper]


@pytest.mark.parametrize("name", [BENCHMARK, "MTEB(eng, v2)"])
def test_benchmark_task_has_the_benchmarks_splits_and_languages(name):
    tasks = listed(name)
    for task in mteb.get_benchmark(name).tasks:
        described = tasks[task.metadata.name].describe()
        assert described["splits"] == sorted(task.eval_splits)
        assert described["subsets"] == sorted(task.hf_subsets or ["default"])


def test_task_of_the_paper_named_alone_is_the_papers():
    tasks = listed("STS22", "MSMARCO")
    assert tasks["STS22"].parts[0].hf_subsets == ["en"]
    assert tasks["MSMARCO"].parts[0].eval_splits == ["dev"]


def test_mean_of_parts_has_all_of_them():
    task = listed("CQADupstackRetrieval")["CQADupstackRetrieval"]
    assert len(task.parts) == len(task.describe()["revisions"]) == 12
    assert task.whole.metadata.name == "CQADupstackRetrieval"


def test_each_call_makes_tasks_of_its_own():
    for name in ("SciFact", "DocsSTS"):
        assert listed(name)[name].parts[0] is not listed(name)[name].parts[0]


def test_part_of_a_task_can_be_chosen():
    task = listed(TaskChoice(task="Tatoeba", subsets=["deu-eng", "fra-eng"]))["Tatoeba"]
    assert sorted(task.parts[0].hf_subsets) == ["deu-eng", "fra-eng"]
    task = listed(TaskChoice(task="NFCorpus", splits=["test"]))["NFCorpus"]
    assert task.parts[0].eval_splits == ["test"]


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        (
            TaskChoice(task="Tatoeba", subsets=["deu-eng", "xx-eng"]),
            "Tatoeba has no subsets xx-eng; allowed: .*deu-eng",
        ),
        (TaskChoice(task="STS12", splits=["training"]), "STS12 has no splits training; allowed: test"),
        (TaskChoice(task="STS99"), "'STS99', which is no task"),
    ],
)
def test_part_that_a_task_does_not_have_is_refused(choice, message):
    with pytest.raises(UserError, match=message):
        check_names([choice], {})


@pytest.mark.parametrize(
    ("given", "close"),
    [("DocsRetreival", "DocsRetrieval"), ("SciFacts", "SciFact"), ("MTEB(eng,v1)", r"MTEB\(eng, v1\)")],
)
def test_unknown_name_gets_close_matches_and_our_names(given, close):
    with pytest.raises(UserError, match=rf"did you mean {close}") as caught:
        check_names(["DocsSTS", given], {})
    message = str(caught.value)
    assert repr(given) in message
    assert all(name in message for name in OWN_TASKS)


@pytest.mark.parametrize(
    "choices",
    [
        ["DocsSTS", "DocsRetrieval", "DocsSTS"],
        ["SciFact", "SciFact"],
        [BENCHMARK, "SciFact"],
        [BENCHMARK, TaskChoice(task="STS22", subsets=["de"])],
        [TaskChoice(task="STS22", subsets=["de"]), BENCHMARK],
    ],
)
def test_task_named_twice_is_refused(choices):
    with pytest.raises(UserError, match=r"(DocsSTS|SciFact|STS22) more than once"):
        check_names(choices, {})


def test_instruction_is_for_a_task_or_a_type_that_is_there():
    check_names(["SciFact", "STS12"], {"SciFact": "find the abstract", "STS": "find the paraphrase"})
    with pytest.raises(UserError, match=r"evaluation\.instructions names Scifact.*\n.*SciFact"):
        check_names(["SciFact"], {"Scifact": "find the abstract"})


def test_instruction_for_a_mean_of_tasks_is_one_for_each_of_them():
    given = {"CQADupstackRetrieval": "find duplicates", "CQADupstackWebmastersRetrieval": "its own"}
    found = by_part(["CQADupstackRetrieval", "SciFact"], given)
    assert len(found) == 13
    assert found["CQADupstackAndroidRetrieval"] == "find duplicates"
    assert found["CQADupstackWebmastersRetrieval"] == "its own"
    assert by_part(["SciFact"], {}) == {}


def test_part_of_a_task_of_ours_is_refused():
    with pytest.raises(UserError, match="DocsSTS is a task of ours, which has no parts"):
        check_names([TaskChoice(task="DocsSTS")], {})


def test_benchmarks_that_share_tasks_stand_side_by_side():
    both = listed(BENCHMARK, "MTEB(eng, v2)")
    assert listed(BENCHMARK).keys() | listed("MTEB(eng, v2)").keys() == both.keys()
