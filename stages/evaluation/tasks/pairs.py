"""Pair classification and graded similarity between a summary and a body."""

from datasets import Dataset, DatasetDict
from mteb.abstasks.pair_classification import AbsTaskPairClassification
from mteb.abstasks.sts import AbsTaskSTS

from stages.evaluation.tasks.base import SPLIT, DocsTask, docs_metadata
from stages.evaluation.tasks.relations import Relation, Relatives, generator_for

MINIMUM = 10  # documents that give pairs


class DocsPairClassification(DocsTask, AbsTaskPairClassification):
    """Does this body belong to this summary? One pair with the own body, one with that of a sibling.

    The sibling is from the same class, or else from the same module. A docstring that stands alone gives no pair.
    """

    metadata = docs_metadata(
        name="DocsPairClassification",
        description="Tell a docstring's summary with its own body from the same summary with the body of a sibling.",
        type="PairClassification",
        category="t2t",
        main_score="max_ap",
        task_subtypes=["Textual Entailment"],
        prompt="Retrieve the passage that belongs to the summary",
    )

    def build(self) -> DatasetDict:
        relatives = Relatives(self.documents)
        rows = []
        for document in self.documents:
            generator = generator_for(self.metadata.name, document.id)
            for sibling in relatives.nearest(document, 1, (Relation.CLASS, Relation.MODULE), generator):
                rows.append({"sentence1": document.summary, "sentence2": document.body, "labels": 1})
                rows.append({"sentence1": document.summary, "sentence2": sibling.body, "labels": 0})
        self.require(len(rows) // 2, MINIMUM, "documents with a sibling in their module")
        return DatasetDict({SPLIT: Dataset.from_list(rows)})


class DocsSTS(DocsTask, AbsTaskSTS):
    """Graded similarity of a summary and a body; the gold grade is where the body stands, nobody's judgment.

    4: the summary's own body; 3: a body from the same class or module; 2: from the same area (`sklearn.linear_model`);
    1: from the same package; 0: from another package. Authors put like things side by side, so nearness in the
    structure stands for nearness in meaning: true on average, not for every pair, so even a perfect encoder stays
    below 100. Each document gives one pair of every grade, or none where a grade has no partner for it.
    """

    min_score, max_score = 0, 4

    metadata = docs_metadata(
        name="DocsSTS",
        description="Similarity of a docstring's summary and a body, graded 0 to 4 by how near they stand in the code.",
        type="STS",
        category="t2t",
        main_score="cosine_spearman",
        task_subtypes=[],
        prompt="Retrieve semantically similar documentation",
    )

    def build(self) -> DatasetDict:
        relatives = Relatives(self.documents)
        rows = []
        for document in self.documents:
            generator = generator_for(self.metadata.name, document.id)
            siblings = [*relatives.at(document, Relation.CLASS), *relatives.at(document, Relation.MODULE)]
            further = [relatives.at(document, relation) for relation in (Relation.AREA, Relation.PACKAGE)]
            by_grade = [relatives.at(document, Relation.ELSEWHERE), *reversed(further), siblings, [document]]
            if all(by_grade):
                rows += [
                    {"sentence1": document.summary, "sentence2": generator.choice(partners).body, "score": float(grade)}
                    for grade, partners in enumerate(by_grade)
                ]
        self.require(len(rows) // (self.max_score + 1), MINIMUM, "documents with a partner at each of five distances")
        return DatasetDict({SPLIT: Dataset.from_list(rows)})
