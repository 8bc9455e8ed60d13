"""MTEB tasks made of held-out documentation: one for each type that summaries and bodies support."""

from stages.evaluation.tasks.labels import DocsClassification, DocsClustering
from stages.evaluation.tasks.pairs import DocsPairClassification, DocsSTS
from stages.evaluation.tasks.retrieval import DocsReranking, DocsRetrieval

OWN_TASKS = {
    task.metadata.name: task
    for task in (
        DocsClassification,
        DocsClustering,
        DocsPairClassification,
        DocsReranking,
        DocsRetrieval,
        DocsSTS,
    )
}

__all__ = ["OWN_TASKS", *OWN_TASKS]
