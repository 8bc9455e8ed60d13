"""Classification and clustering."""

import numpy as np

from stages.evaluation.samples.stratum import Measured, Stratum, means


def classification(stratum: Stratum) -> Measured:
    """For accuracy each test sample and the share of mteb's classifiers that got it right.

    Any other metric, and cross-validation, where each classifier has test samples of its own: each classifier's score.
    """
    if stratum.metric != "accuracy" or stratum.task.is_cross_validation:
        scores = [scores[stratum.metric] for scores in stratum.scores["scores_per_experiment"]]
        return "mean", means(score for score in scores if score is not None)
    gold = np.asarray(stratum.data[stratum.task.label_column_name])
    right = np.asarray(stratum.predictions) == gold  # (experiments, samples)
    return "mean", means(right.mean(axis=0))


def clustering(stratum: Stratum) -> Measured:
    """Each clustering, in a task with a hierarchy of labels each one of each level."""
    name = "v_measures" if stratum.metric == "v_measure" else f"{stratum.metric}_scores"
    if name not in stratum.scores:
        return None  # one clustering of images, or a metric that is kept for all of them together
    values = stratum.scores[name]
    if isinstance(values, dict):
        levels = values.items()
        return "mean", (
            (f"{level}/{place}", 0.0, [value]) for level, of_level in levels for place, value in enumerate(of_level)
        )
    return "mean", means(values)
