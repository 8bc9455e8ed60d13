"""Retrieval and reranking: find the body that a summary belongs to."""

from datasets import Dataset
from mteb.abstasks.retrieval import AbsTaskRetrieval
from mteb.abstasks.retrieval_dataset_loaders import RetrievalSplitData

from stages.evaluation.tasks.base import SPLIT, DocsTask, docs_metadata
from stages.evaluation.tasks.relations import Relation, Relatives, generator_for
from stages.shared.records import Document

MINIMUM = 11  # with ten or fewer documents every body is among the first ten
CANDIDATES = 20  # bodies to rank for each query: its own and 19 of relatives
PROMPT = {"query": "Given a summary, retrieve the passage that it summarises"}


class DocsRetrieval(DocsTask, AbsTaskRetrieval):
    """Every summary is a query, every body a document; the one relevant body is that of the same docstring."""

    metadata = docs_metadata(
        name="DocsRetrieval",
        description="Find the body of a docstring by its summary line, among the bodies of all held-out docstrings.",
        type="Retrieval",
        category="t2t",
        main_score="ndcg_at_10",
        task_subtypes=["Code retrieval"],
        prompt=PROMPT,
    )

    def build(self) -> dict[str, dict[str, RetrievalSplitData]]:
        self.require(len(self.documents), MINIMUM, "documents")
        return _split(self.documents, self.documents, None)


class DocsReranking(DocsTask, AbsTaskRetrieval):
    """Order 20 bodies by a summary: its own and 19 hard ones, taken from the same class, module, area and package.

    The nearest relation is used up before the next one is drawn from, so the candidates are as alike as the corpus has
    them. A docstring without any relative in its package is no query.
    """

    metadata = docs_metadata(
        name="DocsReranking",
        description="Order the body of a docstring and those of its 19 nearest relatives by the docstring's summary.",
        type="Reranking",
        category="t2t",
        main_score="map_at_1000",
        task_subtypes=["Code retrieval"],
        prompt=PROMPT,
    )

    def build(self) -> dict[str, dict[str, RetrievalSplitData]]:
        relatives = Relatives(self.documents)
        candidates: dict[str, list[str]] = {}
        for document in self.documents:
            generator = generator_for(self.metadata.name, document.id)
            within_package = [relation for relation in Relation if relation < Relation.ELSEWHERE]
            hard = relatives.nearest(document, CANDIDATES - 1, within_package, generator)
            if hard:
                candidates[document.id] = [row.id for row in (document, *hard)]
        self.require(len(candidates), MINIMUM, "queries with hard candidates")
        queries = [document for document in self.documents if document.id in candidates]
        return _split(queries, self.documents, candidates)


def _split(
    queries: list[Document], corpus: list[Document], candidates: dict[str, list[str]] | None
) -> dict[str, dict[str, RetrievalSplitData]]:
    """mteb's retrieval data. A query is named otherwise than its document: some metrics skip results of its own name.

    `candidates` holds document ids by the id of the query's document.
    """
    names = {document.id: f"q{document.id}" for document in queries}
    return {
        "default": {
            SPLIT: RetrievalSplitData(
                corpus=Dataset.from_list([{"id": row.id, "text": row.body} for row in corpus]),
                queries=Dataset.from_list([{"id": names[row.id], "text": row.summary} for row in queries]),
                relevant_docs={names[row.id]: {row.id: 1} for row in queries},
                top_ranked=candidates and {names[key]: ids for key, ids in candidates.items()},
            )
        }
    }
