import pytest

from stages.reporting.results import TYPES, Results


def scores(start: float) -> dict:
    """Scores of one task for each type but summarisation, rising by one point."""
    types = {name: start + number for number, name in enumerate(list(TYPES)[:-1])}
    tasks = {f"Docs{name}": value for name, value in types.items()}
    return {"mean_task": start + 2.5, "mean_type": start + 2.5, "types": types, "tasks": tasks}


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
    return Results(metrics, {"untrained": scores(10.0), "tfidf": scores(30.0)})


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
