import pytest

from stages.reporting.results import TYPES, Results

ALL = tuple(TYPES)[:-1]


def scores(start: float, kinds: tuple[str, ...] = ALL) -> dict:
    """Scores of one task for each type but summarisation, rising by one point, with intervals of a point each way.

    With fewer `kinds`, as of BM25, the others are missing and so are the means.
    """
    types = {kind: start + ALL.index(kind) for kind in kinds}
    tasks = {f"Docs{kind}": value for kind, value in types.items()}
    means = {"mean_task": start + 2.5, "mean_type": start + 2.5} if kinds == ALL else {}
    intervals = {name: interval(value) for name, value in means.items()}
    intervals["types"] = {name: interval(value) for name, value in types.items()}
    intervals["tasks"] = {name: interval(value) for name, value in tasks.items()}
    return {**means, "types": types, "tasks": tasks, "intervals": intervals}


def interval(value: float) -> dict:
    return {"low": value - 1, "high": value + 1}


@pytest.fixture
def results():
    levels = {"N1": 0.4, "N2": 0.3, "N3": 0.2, "N4": 0.1}
    counts = {"documents": 2, "per_package": {"alpha": 2}, "per_kind": {"function": 2}}
    metrics = {
        "corpus": {"train": counts, "held_out": counts, "dropped": {}},
        "brainstorm": {"tasks": 5, "per_kind": {}},
        "prompts": {"requests": 4, "per_source": {"task": 0, "grounded": 3, "retrieval": 1}},
        "synthesis": {
            "answers": 4,
            "samples": 3,
            "rejected": {"invalid_json": 1, "refusal": 0},
            "repaired": {"code_fence": 1},
            "per_attempt": {"0": 2, "1": 1},
            "near_duplicate_share": 0.25,
            "diversity": {"distinct_2_query": 0.7, "distinct_2_positive": 0.6},
            "tokens": {"prompt": {"total": 10, "symmetric": 10}, "completion": {"total": 20, "symmetric": 20}},
            "dollars": {"total": 1.5},
            "judge": {"judged": 2, "level_agreement": 0.8, "rank_correlation": 0.75, "false_negatives": 0.125},
        },
        "buckets": {
            "samples": 3,
            "dropped": {"false_negative": 0},
            "false_negative_rate": 0.0,
            "similarity": {"query": levels, "positive": levels},
            "inversion_rate": {"query": 0.2, "positive": 0.1},
        },
        "backbone": {"parameters": 10},
        "training": {"samples": 3, "steps": 8, "loss": 0.5, "in_batch_accuracy": 0.5, "tokens": 9},
        "evaluation": scores(40.0),
    }
    searches = scores(20.0, ("Reranking", "Retrieval"))
    return Results(metrics, {"untrained": scores(10.0), "tfidf": scores(30.0), "bm25": searches})


@pytest.fixture
def evaluated():
    """What the evaluation would write of two tasks, the second one of three parts."""
    facts = {"type": "Retrieval", "main_score": "ndcg_at_10", "splits": ["test"], "subsets": ["default"]}
    parts = {f"CQADupstack{name}": f"{number}" * 40 for number, name in enumerate(("Android", "English", "Gis"))}
    read = {"samples": 1000, "texts": 4000, "cut": 50}
    tasks = {
        "DocsRetrieval": {**facts, "revisions": {"DocsRetrieval": "0123456789abcdef"}},
        "CQADupstackRetrieval": {**facts, "revisions": parts},
    }
    for task in tasks.values():
        task["models"] = {"encoder": read, "tfidf": {**read, "cut": 0}, "bm25": {"samples": 1000}}
    return {"mteb": "2.26.24", "tasks": tasks}


@pytest.fixture
def anchors():
    """What the evaluation would write for one text of four tokens."""
    shares = {"tokens": 0.1, "ata": 0.12, "heaviest": 0.25}
    return {
        "pooling": "mean",
        "attention": "bidirectional",
        "score": "log1p",
        "length": 45,
        "figures": [
            {
                "document": "alpha.core:fit",
                "tokens": ["<s>", " <script>", ".", "</s>"],
                "special": [True, False, False, True],
                "weights": {"mean": [0.25] * 4, "last": [0.0, 0.0, 0.0, 1.0], "ata": [0.4, 0.3, 0.2, 0.1]},
            }
        ],
        "texts": 1,
        "kinds": dict.fromkeys(("first word", "punctuation", "last token", "other"), shares),
        "heaviest": 1.6,
        "lightest": 0.4,
    }
