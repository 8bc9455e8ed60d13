import numpy as np
import pytest
from scipy import sparse

from stages.buckets import filters
from stages.buckets.filters import drop, false_negative_rate
from stages.buckets.similarity import Similarities

BOUNDS = {"false_negative": 0.9, "duplicate": 0.95}


def _reasons(dropped):
    return {row.sample_id: row.reason for row in dropped}


def test_clean_samples_all_stay(samples, documents, similarities):
    assert drop(samples, documents, similarities, **BOUNDS) == []


@pytest.mark.parametrize("field", ["query", "positive"])
def test_a_sample_with_a_held_out_text_goes_whatever_its_case_and_punctuation(samples, documents, similarities, field):
    from dataclasses import replace

    text = documents[0].summary.upper().replace(".", " !")
    samples[1] = replace(samples[1], **{field: text})
    assert _reasons(drop(samples, documents, similarities, **BOUNDS)) == {"s1": "evaluation_overlap"}


def test_a_negative_as_similar_as_the_bound_goes_and_the_row_says_which(samples, documents, similarities):
    similarities.to_positive[2, 1] = 0.9
    similarities.to_positive[3, 0] = 0.8999
    (row,) = drop(samples, documents, similarities, **BOUNDS)
    assert (row.sample_id, row.reason, row.detail) == ("s2", "false_negative", "N2 to positive: 0.900")


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array], ids=["dense", "sparse"])
@pytest.mark.parametrize("block", [1, 2, 1024])
def test_of_near_duplicate_queries_the_first_stays_whatever_the_block(
    samples, documents, similarities, monkeypatch, make, block
):
    monkeypatch.setattr(filters, "BLOCK", block)
    queries = np.eye(4)
    queries[2] = queries[3] = queries[0]
    found = Similarities(similarities.to_query, similarities.to_positive, make(queries))
    dropped = drop(samples, documents, found, **BOUNDS)
    assert _reasons(dropped) == {"s2": "near_duplicate", "s3": "near_duplicate"}
    assert all(row.detail == "s0: 1.000" for row in dropped)


def test_a_duplicate_of_a_sample_that_goes_itself_stays(samples, documents, similarities):
    similarities.to_positive[0, 0] = 0.99
    similarities.queries[1] = similarities.queries[0]
    assert _reasons(drop(samples, documents, similarities, **BOUNDS)) == {"s0": "false_negative"}


def test_false_negative_rate_counts_negatives_not_samples(similarities):
    similarities.to_positive[0, :2] = 0.95
    assert false_negative_rate(similarities, 0.9) == pytest.approx(2 / 16)
