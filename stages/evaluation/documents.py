"""The documents that all tasks of our own are built on, and the revision that names them."""

import random
from collections import defaultdict

from stages.shared.files import content_id
from stages.shared.records import Document
from stages.shared.seeds import derive_seed


def choose(documents: list[Document], limit: int) -> list[Document]:
    """At most `limit` documents, whole modules at a time, sorted: a function of the rows, not of their order.

    Modules stay whole because the hard candidates are siblings. The choice does not depend on `params.seed`: runs with
    different seeds must be judged on the same documents.
    """
    groups: dict[str, list[Document]] = defaultdict(list)
    for document in sorted(documents, key=_place):
        groups[document.group].append(document)
    names = sorted(groups)
    random.Random(derive_seed(0, "evaluation", "documents")).shuffle(names)
    chosen = [document for name in names for document in groups[name]]
    return sorted(chosen[:limit], key=_place)


def revision(documents: list[Document]) -> str:
    """The data set revision in mteb's result files: a hash of the documents' ids, which are hashes of their content."""
    return content_id(*(document.id for document in documents))


def _place(document: Document) -> tuple[str, str, str]:
    return document.group, document.name, document.id
