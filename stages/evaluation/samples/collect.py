"""From a task's result and predictions to the rows that stages hand on."""

import math
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from mteb.abstasks import AbsTask
from mteb.abstasks.classification import AbsTaskClassification
from mteb.abstasks.clustering import AbsTaskClustering
from mteb.abstasks.clustering_legacy import AbsTaskClusteringLegacy
from mteb.abstasks.multilabel_classification import AbsTaskMultilabelClassification
from mteb.abstasks.pair_classification import AbsTaskPairClassification
from mteb.abstasks.regression import AbsTaskRegression
from mteb.abstasks.retrieval import AbsTaskRetrieval
from mteb.abstasks.sts import AbsTaskSTS
from mteb.abstasks.text.bitext_mining import AbsTaskBitextMining
from mteb.abstasks.text.summarization import AbsTaskSummarization
from mteb.results import TaskResult

from stages.evaluation.samples.labels import classification, clustering
from stages.evaluation.samples.pairs import bitext_mining, pair_classification, sts, summarization
from stages.evaluation.samples.retrieval import retrieval
from stages.evaluation.samples.stratum import Measured, Stratum
from stages.evaluation.statistics import score_of
from stages.shared.errors import UserError
from stages.shared.records import SampleScore

Predictions = dict[str, dict[str, Any]]
"""What a model said, by subset and split, in mteb's own form for the type of the task.

Of retrieval what is made of it at once: a thousand documents a query are too many to wait for the other splits.
"""

WITHOUT = (AbsTaskMultilabelClassification, AbsTaskRegression)  # mteb derives them from classification
MEASURES: dict[type[AbsTask], Callable[[Stratum], Measured]] = {
    AbsTaskRetrieval: lambda stratum: stratum.predictions,  # measured when they were kept
    AbsTaskClassification: classification,
    AbsTaskClustering: clustering,
    AbsTaskClusteringLegacy: clustering,
    AbsTaskPairClassification: pair_classification,
    AbsTaskSTS: sts,
    AbsTaskBitextMining: bitext_mining,
    AbsTaskSummarization: summarization,
}

TOLERANCE = 1e-6
ROUNDING = 5.001e-6  # mteb rounds most means over queries to five decimals


def keep_predictions(task: AbsTask) -> Predictions:
    """Have `task` put its predictions into the dictionary returned, when it is evaluated with a `prediction_folder`.

    mteb itself writes them there as JSON, and reads all of them again for each split: a fifth of an evaluation's time.
    """
    kept: Predictions = defaultdict(dict)

    def keep(predictions: Any, *_: Any, hf_split: str, hf_subset: str) -> None:
        if isinstance(task, AbsTaskRetrieval):
            predictions = retrieval(Stratum(task, hf_split, hf_subset, {}, predictions))
        kept[hf_subset][hf_split] = predictions

    task._save_task_predictions = keep
    return kept


def samples_of(
    task: AbsTask, label: str, predictions: Predictions, result: TaskResult, *, part: str | None = None
) -> list[SampleScore]:
    """The rows of one model on one task; none where the main score is not made of samples.

    Args:
        task: with its data, which mteb drops after an evaluation unless they were loaded before; else loaded again.
        label: the task's name in the tables; that of the aggregate for a task that is one of its parts.
        predictions: what `keep_predictions` kept of this evaluation.
        result: mteb's result of this task.
        part: the part's name, for a task that is one of an aggregate's parts.

    Raises UserError when there are no predictions of a split.
    """
    measure = _measure(task)
    if measure is None or not all(math.isfinite(scores["main_score"]) for _, scores in _strata(result)):
        return []
    if not task.data_loaded:
        task.load_data()
    rows: list[SampleScore] = []
    for split, scores in _strata(result):
        subset = scores["hf_subset"]
        kept = predictions.get("parallel" if getattr(task, "parallel_subsets", False) else subset, {})
        if split not in kept:
            raise UserError(
                f"mteb handed over no predictions for {split} of {task.metadata.name}",
                next="this version of mteb keeps them in another way: install the one in constraints.txt",
            )
        measured = measure(Stratum(task, split, subset, scores, kept[split]))
        if measured is None:
            return []
        statistic, values = measured
        stratum = _name(split, subset, part)
        rows += [SampleScore(label, stratum, sample, statistic, gold, own) for sample, gold, own in values]
    return rows


def check(rows: list[SampleScore], result: TaskResult) -> None:
    """Hold the statistic of a task's rows, by stratum, against mteb's main score. No rows, nothing to hold.

    For a task of several parts: once for each part, with its rows and its result. Raises UserError.
    """
    own: dict[str, list[SampleScore]] = defaultdict(list)
    for row in rows:
        own[row.stratum].append(row)
    for split, scores in _strata(result) if rows else ():
        name, theirs = _name(split, scores["hf_subset"]), scores["main_score"]
        of_stratum = [row for stratum, group in own.items() if f"/{stratum}".endswith(f"/{name}") for row in group]
        ours = score_of(of_stratum) if of_stratum else math.nan
        tolerance = ROUNDING if round(theirs, 5) == theirs else TOLERANCE
        if not abs(ours - theirs) <= tolerance:
            raise UserError(
                f"{rows[0].task}: the samples of {name} make {ours:.7f}, mteb's main score is {theirs:.7f}",
                next="this version of mteb scores the task in another way: install the one in constraints.txt",
            )


def _measure(task: AbsTask) -> Callable[[Stratum], Measured] | None:
    if isinstance(task, WITHOUT):
        return None
    return next((measure for kind, measure in MEASURES.items() if isinstance(task, kind)), None)


def _strata(result: TaskResult) -> list[tuple[str, dict]]:
    return [(split, scores) for split, of_split in result.scores.items() for scores in of_split]


def _name(split: str, subset: str, part: str | None = None) -> str:
    return "/".join([*([part] if part else []), split, subset])
