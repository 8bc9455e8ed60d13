"""What a model got for each sample of a task, made of what mteb predicted in an evaluation.

mteb keeps scores of whole tasks; intervals and paired comparisons need those of a query, a pair, a text, a clustering.
They are made from mteb's predictions and the task's own data, so that their statistic is mteb's main score.
"""

from stages.evaluation.samples.collect import check, keep_predictions, samples_of

__all__ = ["check", "keep_predictions", "samples_of"]
