"""Graded relatives of a seed document."""

import random
from dataclasses import replace

import pytest

from stages.llm.local.relatives import Relatives


def graded(documents, seed, number=0):
    return Relatives(documents).graded(seed, lambda row: row.body, random.Random(number))


@pytest.mark.parametrize("number", range(5))
@pytest.mark.parametrize("index", range(24))
def test_levels_are_class_or_module_then_subpackage_then_package_then_another_package(documents, index, number):
    seed = documents[index]
    high, medium, wider, low = graded(documents, seed, number)
    assert high.group == seed.group
    if "." in seed.name:
        assert high.name.partition(".")[0] == seed.name.partition(".")[0]
    subpackage, package = seed.group.rsplit(".", 1)[0], seed.source
    assert medium.group.startswith(f"{subpackage}.")
    assert medium.group != seed.group
    assert wider.source == package
    assert not wider.group.startswith(f"{subpackage}.")
    assert low.source != package


def test_relatives_are_four_different_documents_other_than_the_seed(documents):
    for seed in documents:
        assert len({row.id for row in graded(documents, seed)} - {seed.id}) == 4


@pytest.mark.parametrize("closest", range(1, 6))
def test_of_the_documents_that_fit_the_hardest_level_takes_the_one_with_most_of_the_seeds_words(documents, closest):
    module = [replace(documents[0], id=str(index), name=f"f{index}", body=f"text {index}") for index in range(6)]
    module[0] = replace(module[0], body="red green blue")
    module[closest] = replace(module[closest], body="blue and green")
    assert graded(module + documents[3:], module[0])[0] == module[closest]


def test_corpus_of_one_module_still_gives_four_relatives(documents):
    alike = [replace(row, source="one", group="one", name="") for row in documents[:5]]
    assert len({row.id for row in graded(alike, alike[0])} - {alike[0].id}) == 4


def test_corpus_of_four_documents_is_too_small(documents):
    with pytest.raises(ValueError, match="at least five documents"):
        graded(documents[:4], documents[0])
