"""Tasks on pairs of texts: pair classification, STS, bitext mining; and the summaries of a text."""

from collections.abc import Iterator

import numpy as np
from sklearn.metrics import precision_recall_fscore_support

from stages.evaluation.samples.stratum import Measured, Stratum, means

DISTANCES = ("manhattan_distances", "euclidean_distances")
SIMILARITIES = ("similarity_scores", "cosine_scores", *DISTANCES, "dot_scores")


def pair_classification(stratum: Stratum) -> Measured:
    """Average precision of one way to compare the embeddings, or, for max_ap, of the best one."""
    way, _, metric = stratum.metric.rpartition("_")
    if metric != "ap":
        return None  # accuracy and F1 depend on a threshold that is chosen on all pairs
    names = SIMILARITIES if way == "max" else [name for name in SIMILARITIES if name.startswith(f"{way}_")]
    data = stratum.data
    labels = data[stratum.task.label_column_name]
    if len(data) == 1:  # an older layout: all pairs in one row
        labels = labels[0]
    nearness = [
        [-value for value in stratum.predictions[name]] if name in DISTANCES else stratum.predictions[name]
        for name in names
    ]
    pairs = zip(labels, zip(*nearness, strict=True), strict=True)
    return "average_precision", (
        (str(place), float(label), list(scores)) for place, (label, scores) in enumerate(pairs)
    )


def sts(stratum: Stratum) -> Measured:
    """The similarity that the main score correlates with the gold one. mteb has turned its distances round."""
    way, _, correlation = stratum.metric.rpartition("_")
    if correlation not in ("spearman", "pearson"):
        return None
    names = [name for name in SIMILARITIES if name.startswith(f"{way or 'similarity'}_")]
    pairs = zip(stratum.data["score"], stratum.predictions[names[0]], strict=True)
    return correlation, ((str(place), float(gold), [score]) for place, (gold, score) in enumerate(pairs))


def bitext_mining(stratum: Stratum) -> Measured:
    """The metric of each sentence's own label: mteb weighs labels by their sentences, so this has the same mean."""
    if stratum.task.parallel_subsets:  # one data set with a column for each language
        found, gold = stratum.predictions[stratum.subset], None
    else:
        found, data = next(iter(stratum.predictions.values())), stratum.data
        gold = data["gold"] if isinstance(data, dict) and "gold" in data else None  # BUCC alone
    labels = [pair[1] for pair in gold] if gold else list(range(len(found)))
    predicted = [neighbour["corpus_id"] for neighbour in found]
    if stratum.metric == "accuracy":
        return "mean", means(label == prediction for label, prediction in zip(labels, predicted, strict=True))
    metrics = ("precision", "recall", "f1")
    if stratum.metric not in metrics:
        return None
    names = np.unique([*labels, *predicted])
    by_label = precision_recall_fscore_support(labels, predicted, labels=names, zero_division=0)
    return "mean", means(by_label[metrics.index(stratum.metric)][np.searchsorted(names, labels)])


def summarization(stratum: Stratum) -> Measured:
    """The metric of each text: a correlation over its summaries, as the task's own evaluator has it.

    mteb leaves out a text whose summaries are all judged, or all scored, alike.
    """
    task, predictions = stratum.task, stratum.predictions
    if stratum.metric not in stratum.scores:
        return None
    by_text = [
        {name: [scores] for name, scores in zip(predictions, text, strict=True)}
        for text in zip(*predictions.values(), strict=True)
    ]
    values = [task.evaluator._calculate_metrics(task.evaluator, text)[stratum.metric] for text in by_text]
    places = _places(predictions["human_scores"], stratum)
    return "mean", ((str(place), 0.0, [value]) for place, value in zip(places, values, strict=True))


def _places(judged: list[list[float]], stratum: Stratum) -> Iterator[int]:
    """Where the judgments of the texts that mteb kept stand among those of all texts, which are in the same order."""
    task = stratum.task
    texts = enumerate(stratum.data[task.relevancy_column_name])
    for judgments in judged:
        for place, relevance in texts:
            if ((np.array(relevance) - task.min_score) / (task.max_score - task.min_score)).tolist() == judgments:
                yield place
                break
