"""Which data sets tasks need."""

import mteb

from stages.evaluation.mirror.needs import entries, needed, parts
from stages.evaluation.tasks import OWN_TASKS
from tests.evaluation.mirror import small


def test_tasks_that_share_a_data_set_need_it_once():
    names = ("TwentyNewsgroupsClustering", "STS12", "TwentyNewsgroupsClustering.v2")
    needs = needed(map(small.task, names))
    assert [need.repository for need in needs] == ["mteb/twentynewsgroups-clustering", "mteb/sts12-sts"]
    assert [task.metadata.name for task in needs[0].tasks] == [names[0], names[2]]
    assert needs[1].revision == mteb.get_task("STS12").metadata.revision


def test_aggregate_needs_all_its_parts_and_nothing_of_its_own():
    repositories = [need.repository for need in needed([mteb.get_task("CQADupstackRetrieval")])]
    assert len(repositories) == 12
    assert all(name.lower().startswith("mteb/cqadupstack") for name in repositories)


def test_our_own_tasks_need_nothing(held_out):
    assert list(parts([OWN_TASKS["DocsSTS"](held_out)])) == []


def test_entry_of_a_classification_has_the_statistics_of_its_training_split_too():
    entry = entries([small.task("EmotionClassification")], {})["EmotionClassification"]
    assert (entry.type, entry.splits, entry.subsets) == ("Classification", ["test"], ["default"])
    assert sorted(entry.statistics) == ["test", "train"]


def test_entry_of_some_languages_has_no_statistics_over_all_of_them():
    some = entries([small.task("Tatoeba")], {})["Tatoeba"].statistics
    assert list(some["test"]) == ["hf_subset_descriptive_stats"]
    assert list(some["test"]["hf_subset_descriptive_stats"]) == small.SUBSETS["Tatoeba"]
    every = entries([mteb.get_task("Tatoeba")], {})["Tatoeba"].statistics
    assert every == mteb.get_task("Tatoeba").metadata.descriptive_stats


def test_task_without_statistics_of_mteb_has_none(monkeypatch):
    task = small.task("STS12")
    monkeypatch.setattr(type(task.metadata), "descriptive_stats", None)
    assert entries([task], {})["STS12"].statistics is None
