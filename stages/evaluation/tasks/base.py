"""What our tasks share: their metadata, and mteb's loading hook over documents that are already read."""

from typing import Any

from mteb.abstasks import AbsTask
from mteb.abstasks.task_metadata import TaskMetadata

from stages.evaluation.documents import revision
from stages.shared.errors import UserError
from stages.shared.records import Document

HELD_OUT = "data/corpus/held_out.parquet"
SPLIT, TRAIN_SPLIT = "test", "train"


def docs_metadata(**own: Any) -> TaskMetadata:
    """Metadata of a task on the held-out documents. Licence and date are the corpus's, which the profile chooses."""
    return TaskMetadata(
        dataset={"path": HELD_OUT, "revision": "none"},  # an instance knows its documents, and so its revision
        modalities=["text"],
        eval_splits=[SPLIT],
        eval_langs=["eng-Latn"],
        domains=["Programming", "Written"],
        license="not specified",
        annotations_creators="derived",
        dialect=[],
        sample_creation="found",
        bibtex_citation="",
        contributed_by="mgh-ata-embeddings",
        **own,
    )


class DocsTask(AbsTask):
    """A task built on documents; subclasses say how in `build`, which must be a pure function of the documents."""

    def __init__(self, documents: list[Document], **kwargs: Any):
        self.documents = documents
        self._name_revision()
        super().__init__(**kwargs)

    def build(self) -> Any:
        """The splits in the form that this type's mteb class reads. Raises UserError when documents are too few."""
        raise NotImplementedError

    def load_data(self, num_proc: int | None = None, **kwargs: Any) -> None:  # noqa: ARG002 (mteb's signature)
        """mteb's hook: build the data set from the documents instead of asking the Hub for it."""
        if not self.data_loaded:
            self.dataset = self.build()
            self.data_loaded = True

    def unload_data(self) -> None:
        super().unload_data()
        self._name_revision()  # mteb drops an instance's own metadata together with its data

    def _name_revision(self) -> None:
        dataset = {"path": HELD_OUT, "revision": revision(self.documents)}
        self.metadata = type(self).metadata.model_copy(update={"dataset": dataset})

    def require(self, found: int, needed: int, what: str) -> None:
        """Raise UserError unless there are at least `needed` of `what`."""
        if found < needed:
            name = self.metadata.name
            raise UserError(
                f"{name}: {HELD_OUT} ({len(self.documents)} documents) gives {found} {what}; needs at least {needed}",
                next=f"raise evaluation.max_documents or hold out more in corpus.source, or take {name} out of "
                "evaluation.tasks",
            )
