"""Documents at graded distances from a seed, by where they stand in their package."""

import random
from collections import defaultdict

from stages.shared.records import Document


class Relatives:
    """The four relatives of a document that stand in for the paper's levels high, medium, medium, low.

    high: same class, else same module; medium: same subpackage, then same package; low: another package.
    """

    def __init__(self, documents: list[Document]):
        self._groups: dict[tuple, list[Document]] = defaultdict(list)
        for document in documents:
            for key in _keys(document):
                self._groups[key].append(document)
        self._all = documents

    def graded(self, seed: Document, text_of, generator: random.Random) -> list[Document]:
        """Four different relatives, hardest first. `text_of(document)` is the text that will be compared."""
        same_class, module, subpackage, package = _keys(seed)
        siblings = self._groups[same_class] if seed.name.count(".") else []
        levels = [
            (8, lambda _: True, (siblings, self._groups[module], self._groups[subpackage], self._groups[package])),
            (4, lambda row: row.group != seed.group, (self._groups[subpackage], self._groups[package])),
            (2, lambda row: _keys(row)[2] != subpackage, (self._groups[package],)),
            (1, lambda row: row.source != seed.source, (self._all,)),
        ]
        chosen: list[Document] = []
        for tries, fits, pools in levels:
            taken = {seed.id, *(row.id for row in chosen)}
            chosen.append(self._closest(seed, [*pools, self._all], tries, fits, taken, text_of, generator))
        return chosen

    def _closest(self, seed, pools, tries, fits, taken, text_of, generator) -> Document:
        """Of `tries` random fitting documents of the first pool that has any, the one with most of the seed's words."""
        for wanted in (fits, lambda _: True):
            for pool in pools:
                candidates = _draw(pool, tries, lambda row, fit=wanted: row.id not in taken and fit(row), generator)
                if candidates:
                    words = set(text_of(seed).lower().split())
                    return max(candidates, key=lambda row: len(words & set(text_of(row).lower().split())))
        raise ValueError("graded relatives need a corpus of at least five documents")


def _draw(pool: list[Document], tries: int, fits, generator: random.Random) -> list[Document]:
    """Up to `tries` fitting documents of `pool`: by drawing where it is large, else by looking at all of it."""
    if len(pool) > 64:
        drawn = (pool[generator.randrange(len(pool))] for _ in range(8 * tries))
        return [row for row in drawn if fits(row)][:tries]
    fitting = [row for row in pool if fits(row)]
    return generator.sample(fitting, min(tries, len(fitting)))


def _keys(document: Document) -> tuple[tuple, tuple, tuple, tuple]:
    """Class, module, subpackage and package of a document."""
    parts = document.group.split(".")
    parent = document.name.rpartition(".")[0]
    return (document.group, parent, "class"), (document.group,), ("in", *parts[:2]), ("in", parts[0], "")
