"""How a source is cut to size."""

from collections import Counter

from stages.corpus.sampling import cap_sources


def test_each_source_keeps_at_most_the_limit(documents):
    kept = cap_sources(documents, 5)
    assert Counter(row.source for row in kept) == {"alpha": 5, "beta": 5}
    assert set(kept) <= set(documents)


def test_modules_are_kept_whole_but_for_the_last_one(documents):
    for limit in range(1, 13):
        sizes = Counter(row.group for row in cap_sources(documents, limit))
        assert sum(size < 3 for size in sizes.values()) <= 2  # one a source


def test_choice_does_not_depend_on_the_order_of_the_documents(documents):
    assert {row.id for row in cap_sources(documents[::-1], 6)} == {row.id for row in cap_sources(documents, 6)}


def test_adding_a_source_does_not_change_what_another_keeps(documents):
    alone = cap_sources([row for row in documents if row.source == "alpha"], 4)
    assert [row for row in cap_sources(documents, 4) if row.source == "alpha"] == alone


def test_source_below_the_limit_stays_complete_sorted_by_place(documents):
    kept = cap_sources(documents, 100)
    assert kept == sorted(documents, key=lambda row: (row.group, row.name))
