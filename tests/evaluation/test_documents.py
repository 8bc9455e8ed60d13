"""Which documents are judged, and who is related to whom."""

import random
from collections import Counter

import pytest

from stages.evaluation.documents import choose
from stages.evaluation.tasks.relations import Relation, Relatives
from stages.shared.records import Document


def test_choice_does_not_depend_on_the_order_of_rows(held_out):
    shuffled = random.Random(1).sample(held_out, len(held_out))
    assert choose(shuffled, 40) == choose(held_out, 40)
    assert choose(shuffled, 1000) == sorted(held_out, key=lambda row: (row.group, row.name, row.id))


def test_choice_keeps_modules_whole(held_out):
    assert set(Counter(row.group for row in choose(held_out, 40)).values()) == {10}


@pytest.mark.parametrize(
    ("relation", "count"),
    [(Relation.CLASS, 4), (Relation.MODULE, 5), (Relation.AREA, 20), (Relation.PACKAGE, 30), (Relation.ELSEWHERE, 30)],
)
def test_every_other_document_has_one_relation(relation, count, held_out):
    assert len(Relatives(held_out).at(held_out[0], relation)) == count


def test_a_class_is_related_to_its_methods_and_functions_to_no_class():
    rows = [
        Document(name, "p", kind, "p.q", name, "", "")
        for name, kind in (("Tree", "class"), ("Tree.fit", "method"), ("fit", "function"), ("load", "function"))
    ]
    relatives = Relatives(rows)
    assert [row.id for row in relatives.at(rows[0], Relation.CLASS)] == ["Tree.fit"]
    assert relatives.at(rows[2], Relation.CLASS) == []
    assert [row.id for row in relatives.at(rows[2], Relation.MODULE)] == ["Tree", "Tree.fit", "load"]
