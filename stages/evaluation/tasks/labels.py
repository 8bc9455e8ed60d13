"""Classification and clustering: the area of a package that a docstring belongs to."""

from collections import defaultdict

from datasets import ClassLabel, Dataset, DatasetDict, Features, Value
from mteb.abstasks.classification import AbsTaskClassification
from mteb.abstasks.clustering import AbsTaskClustering

from stages.evaluation.tasks.base import SPLIT, TRAIN_SPLIT, DocsTask, docs_metadata
from stages.evaluation.tasks.relations import area_of, generator_for
from stages.shared.records import Document

MEMBERS = 30  # bodies that an area needs to be a label
TRAIN_MEMBERS = 12  # of them for fitting the classifier, of which mteb draws 8 for each of its ten experiments
MINIMUM = 2  # labels


class DocsClassification(DocsTask, AbsTaskClassification):
    """Tell the area (`sklearn.linear_model`) from a body. Areas with 30 or more members, 30 drawn from each."""

    metadata = docs_metadata(
        name="DocsClassification",
        description="Name the subpackage that a docstring comes from by its body; labels are balanced.",
        type="Classification",
        category="t2c",
        main_score="accuracy",
        task_subtypes=["Topic classification"],
        prompt="Classify a passage of documentation by the part of the library that it documents",
    )

    def build(self) -> DatasetDict:
        areas = _areas(self.documents)
        self.require(len(areas), MINIMUM, f"subpackages with {MEMBERS} or more documents")
        features = Features({"text": Value("string"), "label": ClassLabel(names=list(areas))})
        splits: dict[str, dict[str, list]] = {split: {"text": [], "label": []} for split in (TRAIN_SPLIT, SPLIT)}
        for area, members in areas.items():
            drawn = generator_for(self.metadata.name, area).sample(members, MEMBERS)
            for split, rows in ((TRAIN_SPLIT, drawn[:TRAIN_MEMBERS]), (SPLIT, drawn[TRAIN_MEMBERS:])):
                splits[split]["text"] += [document.body for document in rows]
                splits[split]["label"] += [area] * len(rows)
        return DatasetDict({name: Dataset.from_dict(columns, features) for name, columns in splits.items()})


class DocsClustering(DocsTask, AbsTaskClustering):
    """Cluster bodies by area (`sklearn.linear_model`): all members of the areas with 30 or more."""

    max_fraction_of_documents_to_embed = None  # all of them: there are a few thousand
    max_documents_per_cluster = 2048  # drawn with replacement for each of the ten clusterings

    metadata = docs_metadata(
        name="DocsClustering",
        description="Group the bodies of docstrings by the subpackage that they come from.",
        type="Clustering",
        category="t2c",
        main_score="v_measure",
        task_subtypes=["Thematic clustering"],
        prompt="Identify the part of the library that a passage of documentation belongs to",
    )

    def build(self) -> DatasetDict:
        areas = _areas(self.documents)
        self.require(len(areas), MINIMUM, f"subpackages with {MEMBERS} or more documents")
        rows = [(document.body, area) for area, members in areas.items() for document in members]
        sentences, labels = zip(*rows, strict=True)
        return DatasetDict({SPLIT: Dataset.from_dict({"sentences": sentences, "labels": labels})})


def _areas(documents: list[Document]) -> dict[str, list[Document]]:
    """The members of each area that has enough, by name."""
    areas: dict[str, list[Document]] = defaultdict(list)
    for document in documents:
        areas[area_of(document)].append(document)
    return {name: areas[name] for name in sorted(areas) if len(areas[name]) >= MEMBERS}
