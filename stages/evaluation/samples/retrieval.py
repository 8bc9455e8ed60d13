"""Retrieval and reranking: the main metric of each query."""

from collections import defaultdict

import pytrec_eval
from mteb._evaluators.retrieval_metrics import mrr

from stages.evaluation.samples.stratum import Measured, Stratum

Ranking = dict[str, dict[str, float]]  # by query, then document
Relevance = dict[str, dict[str, int]]

MEASURES = {"ndcg": "ndcg_cut", "map": "map_cut", "recall": "recall", "precision": "P", "hit_rate": "success"}
"""pytrec_eval's names of mteb's metrics."""

OVER_SUBQUERIES = "max_over_subqueries_"


def retrieval(stratum: Stratum) -> Measured:
    """mteb's order of steps: leave out queries without judgments, then identical ids, then the first result."""
    task, metric = stratum.task, stratum.metric
    task.convert_v1_dataset_format_to_v2(num_proc=None)  # older tasks load another layout, which evaluation converts
    relevant = {query: documents for query, documents in stratum.data["relevant_docs"].items() if documents}
    ranking: Ranking = stratum.predictions
    if task.ignore_identical_ids:
        ranking = {
            query: {key: value for key, value in found.items() if key != query} for query, found in ranking.items()
        }
    if metric.startswith(OVER_SUBQUERIES):
        metric = metric.removeprefix(OVER_SUBQUERIES)
        relevant, ranking = _over_subqueries(relevant, ranking)
    elif task.skip_first_result:
        ranking = {query: _without_first(found) for query, found in ranking.items()}
    values = _metric_by_query(metric, relevant, ranking)
    return values and ("mean", ((query, 0.0, [value]) for query, value in values.items()))


def _metric_by_query(metric: str, relevant: Relevance, ranking: Ranking) -> dict[str, float] | None:
    metric = "recall_at_1" if metric == "accuracy" else metric
    name, _, cutoff = metric.rpartition("_at_")
    if name == "mrr":
        return dict(zip(ranking, mrr(relevant, ranking, [int(cutoff)])[f"MRR@{cutoff}"], strict=True))
    if name not in MEASURES:
        return None  # such as p-MRR, which pairs queries
    measure = MEASURES[name]
    evaluator = pytrec_eval.RelevanceEvaluator(relevant, {f"{measure}.{cutoff}"})
    return {query: values[f"{measure}_{cutoff}"] for query, values in evaluator.evaluate(ranking).items()}


def _without_first(found: dict[str, float]) -> dict[str, float]:
    return dict(sorted(found.items(), key=lambda item: item[1], reverse=True)[1:])


def _over_subqueries(relevant: Relevance, ranking: Ranking) -> tuple[Relevance, Ranking]:
    """Each document's best score over the subqueries `<query>_<n>` of a query (MindSmallReranking)."""
    merged: Ranking = defaultdict(dict)
    judged: Relevance = {}
    for subquery, documents in relevant.items():
        query = subquery.rpartition("_")[0]
        judged[query] = documents
        for document, score in ranking[subquery].items():
            merged[query][document] = max(score, merged[query].get(document, score))
    return judged, dict(merged)
