"""How near two documents stand to each other in the structure of the documented code."""

import random
from collections import defaultdict
from collections.abc import Iterable
from enum import IntEnum

from stages.shared.records import Document
from stages.shared.seeds import derive_seed


class Relation(IntEnum):
    """The smallest circle that holds both documents, nearest first."""

    CLASS = 0  # a class and its methods
    MODULE = 1
    AREA = 2  # a top-level subpackage, such as sklearn.linear_model
    PACKAGE = 3
    ELSEWHERE = 4


def area_of(document: Document) -> str:
    """The subpackage (or top-level module) that a document belongs to: `sklearn.linear_model`."""
    return ".".join(document.group.split(".")[:2])


class Relatives:
    """Looks up a document's relatives by relation."""

    def __init__(self, documents: list[Document]):
        self._circles: dict[tuple, list[Document]] = defaultdict(list)
        for document in documents:
            for circle in _circles_of(document):
                self._circles[circle].append(document)

    def at(self, document: Document, relation: Relation) -> list[Document]:
        """The documents whose relation to `document` is exactly this one, in the order they were given."""
        circles = _circles_of(document)
        nearer = self._circles[circles[relation - 1]] if relation else [document]
        excluded = {other.id for other in nearer}
        return [other for other in self._circles[circles[relation]] if other.id not in excluded]

    def nearest(
        self, document: Document, count: int, relations: Iterable[Relation], generator: random.Random
    ) -> list[Document]:
        """Up to `count` relatives, the nearest relation first and in random order within one: hard negatives."""
        found: list[Document] = []
        for relation in sorted(relations):
            if len(found) < count:
                relatives = self.at(document, relation)
                found += generator.sample(relatives, min(count - len(found), len(relatives)))
        return found


def generator_for(task: str, *names: str) -> random.Random:
    """The task's randomness for what `names` names, equal in every run whatever `params.seed` is."""
    return random.Random(derive_seed(0, "evaluation", task, *names))


def _circles_of(document: Document) -> tuple[tuple, ...]:
    """One key for each Relation: two documents stand in the same circle where their keys are equal."""
    owner = document.name if document.kind == "class" else document.name.rpartition(".")[0]
    family = owner or f"#{document.id}"  # a function or module has no class to share
    return (
        (Relation.CLASS, document.group, family),
        (Relation.MODULE, document.group),
        (Relation.AREA, area_of(document)),
        (Relation.PACKAGE, document.source),
        (Relation.ELSEWHERE,),
    )
