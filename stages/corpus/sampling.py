"""At most so many documents of one source, whole modules at a time."""

import random
from collections import defaultdict

from stages.shared.records import Document
from stages.shared.seeds import derive_seed


def cap_sources(documents: list[Document], limit: int) -> list[Document]:
    """At most `limit` documents of each source, whole groups in random order: siblings stay together.

    Graded negatives need relatives, which sampling single documents would scatter. The order depends on the source
    alone, not on `seed`: runs with different seeds must be judged on the same documents.
    """
    groups: dict[str, dict[str, list[Document]]] = defaultdict(lambda: defaultdict(list))
    for document in documents:
        groups[document.source][document.group].append(document)
    kept: list[Document] = []
    for source in sorted(groups):
        names = sorted(groups[source])
        random.Random(derive_seed(0, "corpus", source)).shuffle(names)
        rows = [document for name in names for document in groups[source][name]]
        kept += rows[:limit]
    return sorted(kept, key=lambda row: (row.group, row.name, row.id))
