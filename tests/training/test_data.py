"""Which samples training reads, and what it refuses."""

from dataclasses import replace

import pytest

from stages.shared.errors import UserError
from stages.shared.records import Document, Task, TrainingSample, write_records
from stages.training.data import RETRIEVAL, SYNTHETIC, load_samples


@pytest.fixture
def data(repository, samples, documents):
    """A repository in which the stages before have run."""
    write_records(SYNTHETIC, TrainingSample, samples)
    write_records(RETRIEVAL, Document, documents)
    return repository


@pytest.mark.usefixtures("data")
def test_synthetic_samples_are_those_of_the_buckets(samples):
    assert load_samples("synthetic") == samples


@pytest.mark.usefixtures("data")
def test_retrieval_samples_are_the_corpus_pairs_without_graded_negatives(documents):
    loaded = load_samples("retrieval")
    assert [(row.query, row.positive) for row in loaded] == [(row.summary, row.body) for row in documents]
    assert all(row.negatives == [] for row in loaded)


@pytest.mark.usefixtures("data")
def test_both_are_the_synthetic_samples_and_then_the_pairs():
    assert load_samples("both") == load_samples("synthetic") + load_samples("retrieval")


@pytest.mark.usefixtures("repository")
@pytest.mark.parametrize(
    ("training_data", "missing"), [("synthetic", SYNTHETIC), ("retrieval", RETRIEVAL), ("both", SYNTHETIC)]
)
def test_missing_file_is_named(training_data, missing):
    with pytest.raises(UserError, match=f"{missing} does not exist"):
        load_samples(training_data)


@pytest.mark.usefixtures("data")
def test_file_of_another_kind_of_rows_is_refused():
    write_records(SYNTHETIC, Task, [Task("1", "symmetric", "x")])
    with pytest.raises(UserError, match="missing column instruction, query, positive, negatives"):
        load_samples("synthetic")


@pytest.mark.usefixtures("data")
@pytest.mark.parametrize("count", [1, 3, 5])
def test_sample_whose_negatives_are_not_one_a_level_is_refused(samples, count):
    odd = replace(samples[2], negatives=["text"] * count)
    write_records(SYNTHETIC, TrainingSample, [*samples[:2], odd])
    with pytest.raises(UserError, match=f"sample s2 has {count} negatives"):
        load_samples("synthetic")
