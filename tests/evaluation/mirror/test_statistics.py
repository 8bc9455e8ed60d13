"""mteb's statistics: what is compared, and what counts as a difference."""

import os

import mteb
import pytest
from datasets import Dataset

from stages.evaluation.mirror.statistics import Difference, compare, computed, differences, quiet, shipped
from stages.evaluation.mirror.use import Mirror
from tests.evaluation.mirror import small


@pytest.fixture
def task_of(locked):
    return lambda name: Mirror.open(locked(name)).attach(small.task(name))


@pytest.mark.parametrize("name", small.TASKS)
def test_statistics_of_each_type_are_computed_in_the_form_that_mteb_ships(task_of, name):
    task = task_of(name)
    with quiet():
        found = computed(task)
    expected = shipped(task, task.eval_splits, task.hf_subsets)
    assert found.keys() == expected.keys()
    missing = [item.path for item in differences(found, expected) if item.found == "nothing"]
    assert all(".labels." in path for path in missing)  # the small data have fewer labels, and lack no other number


def test_computing_leaves_mtebs_own_files_alone(task_of):
    task = task_of("STS12")
    folder = task.metadata.descriptive_stat_path.parent
    before = {entry.name: entry.stat().st_mtime_ns for entry in os.scandir(folder)}
    with quiet():
        computed(task)
    assert {entry.name: entry.stat().st_mtime_ns for entry in os.scandir(folder)} == before


def test_differences_are_named_by_path_with_both_sides():
    found = {"test": {"n": 1, "text": {"length": 2.5}, "labels": {"a": {"count": 1}, "z": {"count": 9}}}}
    expected = {"test": {"n": 1, "text": {"length": 2.0}, "labels": {"a": {"count": 1}, "b": {"count": 3}}}}
    assert differences(found, expected) == [
        Difference("test.text.length", 2.5, 2.0),
        Difference("test.labels.b.count", "nothing", 3),
        Difference("test.labels.z.count", 9, "nothing"),
    ]


def test_statistics_that_mteb_has_added_since_and_absent_modalities_are_no_differences():
    assert differences({"n": 1, "new": 3, "audio": None}, {"n": 1, "image": None}) == []


def test_pair_and_its_swap_may_count_as_one_or_as_two(task_of):
    task = task_of("STS12")
    with quiet():
        expected = computed(task)
        assert expected["test"]["unique_pairs"] == 3
        for count, equal in [(3, True), (4, True), (2, False), (5, False)]:
            expected["test"]["unique_pairs"] = count
            found = compare(task, expected)
            assert (found == []) is equal
    assert found == [Difference("test.unique_pairs", 3, 5)]


def test_pairs_of_several_languages_are_counted_each_and_together():
    task = mteb.get_task("STS17")
    names = task.hf_subsets
    pairs = {name: [(name, "a"), (name, "b")] for name in names}
    pairs[names[0]].append(("a", names[0]))
    task.dataset = {
        name: {"test": Dataset.from_list([{"sentence1": a, "sentence2": b, "score": 1.0} for a, b in rows])}
        for name, rows in pairs.items()
    }
    task.data_loaded = True
    with quiet():
        expected = computed(task)
        test = expected["test"]
        assert test["unique_pairs"] == 2 * len(names)
        test["unique_pairs"] += 1
        test["hf_subset_descriptive_stats"][names[0]]["unique_pairs"] += 1
        assert compare(task, expected) == []
