"""Chunks of texts of like length."""

import random

import pytest

from stages.encoder.chunks import PASS, token_chunks


def lengths(count, most=96, seed=0):
    generator = random.Random(seed)
    return [generator.randint(1, most) for _ in range(count)]


def tokens(chunk, row_lengths):
    return len(chunk) * max(row_lengths[row] for row in chunk)


@pytest.mark.parametrize("multiple", [1, 2, 3])
@pytest.mark.parametrize("budget", [96, 500, 100_000])
def test_every_row_is_in_one_chunk_and_no_chunk_is_over_the_budget(budget, multiple):
    rows = lengths(200)
    chunks = token_chunks(rows, budget, multiple=multiple)
    assert sorted(row for chunk in chunks for row in chunk) == list(range(200))
    assert all(tokens(chunk, rows) <= budget for chunk in chunks)
    assert len(chunks) % multiple == 0


def test_longest_rows_come_first():
    rows = lengths(100)
    chunks = token_chunks(rows, 400)
    order = [rows[row] for chunk in chunks for row in chunk]
    assert order == sorted(rows, reverse=True)


def test_row_longer_than_the_budget_is_a_chunk_of_its_own():
    assert token_chunks([50, 7, 60], 20) == [[2], [0], [1]]


def test_rows_of_one_length_fill_their_chunks():
    assert sorted(len(chunk) for chunk in token_chunks([10] * 25, 100)) in ([5, 10, 10], [6, 9, 10], [7, 8, 10])


def test_padding_is_small_and_passes_are_few():
    rows = lengths(2000)
    chunks = token_chunks(rows, 2048)
    padded = sum(tokens(chunk, rows) for chunk in chunks)
    assert padded <= 1.02 * sum(rows)
    assert len(chunks) <= 1.5 * sum(rows) / 2048


def test_no_cut_into_runs_of_sorted_rows_is_cheaper():
    rows = sorted(lengths(9, 20, seed=3), reverse=True)
    budget = 60

    def cost(chunks):
        return sum(tokens(chunk, rows) + budget * PASS for chunk in chunks)

    ways = [_cut(cuts) for cuts in range(2**8)]
    best = min(cost(way) for way in ways if all(tokens(chunk, rows) <= budget for chunk in way))
    assert cost(token_chunks(rows, budget)) == pytest.approx(best)


def _cut(cuts):
    """The chunks of nine rows, cut behind each row whose bit is set."""
    chunks = [[0]]
    for row in range(1, 9):
        if cuts >> (row - 1) & 1:
            chunks.append([])
        chunks[-1].append(row)
    return chunks


@pytest.mark.parametrize("count", [2, 3, 5, 7])
@pytest.mark.parametrize("multiple", [1, 2])
def test_rows_that_fill_a_chunk_each_are_still_shared_evenly(count, multiple):
    chunks = token_chunks([50] * count, 20, multiple=multiple)
    assert len(chunks) % multiple == 0
    assert sorted(row for chunk in chunks for row in chunk) == list(range(count))


def test_no_rows_are_no_chunks_and_too_few_are_refused():
    assert token_chunks([], 100) == []
    with pytest.raises(ValueError, match="1 rows cannot be cut into 2 chunks"):
        token_chunks([5], 100, multiple=2)
