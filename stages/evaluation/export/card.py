"""The model card: YAML that the Hub, mteb and sentence-transformers read, and text for people."""

import re
from pathlib import Path

import mteb
from huggingface_hub import EvalResult, ModelCardData

from stages.evaluation.export.facts import META_FILE, Facts
from stages.evaluation.export.figures import Figures, Row
from stages.evaluation.export.layout import INSTRUCTION, REQUIREMENTS
from stages.evaluation.tasks import OWN_TASKS
from stages.shared.templates import render_template

TEMPLATE = Path(__file__).parent / "card.md.j2"
TAGS = ["sentence-transformers", "sentence-similarity", "feature-extraction", "mteb", "text-embeddings"]


def render(
    facts: Facts,
    *,
    figures: Figures | None,
    recipe: dict[str, dict[str, str]] | None,
    origin: list[str],
    provenance: dict[str, str],
) -> str:
    """The card. Without `figures` or `recipe` it says that there are none."""
    config = facts.config
    text = render_template(
        TEMPLATE,
        autoescape=False,
        metadata=_metadata(facts, figures).to_yaml(),
        facts=facts,
        config=config,
        pooling=f"anchor-token-aware ({config.ata_score})" if config.pooling == "ata" else config.pooling,
        figures=figures,
        table=_table(figures) if figures else None,
        intervals=any(row.interval for row in figures.rows) if figures else False,
        recipe=recipe,
        origin=origin,
        provenance=provenance,
        instruction=INSTRUCTION,
        transformers=REQUIREMENTS["transformers"],
        meta_file=META_FILE,
    )
    return re.sub(r"\n{3,}", "\n\n", text)  # of parts that are left out


def _table(figures: Figures) -> list[list[str]]:
    """The scores as cells, a header first; without types and metrics where nobody has described the tasks."""
    described = any(row.about for row in figures.tasks)
    rows = [["task", *(["type", "metric"] if described else []), "this model", *figures.baselines]]
    for row in figures.rows:
        what = [row.about.get("type", ""), row.about.get("main_score", "")] if described else []
        score = _points(row.score) + (" [{:.1f}, {:.1f}]".format(*row.interval) if row.interval else "")
        rows.append([row.name, *what, score, *map(_points, row.baselines.values())])
    return rows


def _points(score: float | None) -> str:
    return "–" if score is None else f"{score:.1f}"


def _metadata(facts: Facts, figures: Figures | None) -> ModelCardData:
    based = {}
    if facts.base:
        based = {"base_model": facts.base, "base_model_relation": "adapter" if facts.adapter else "finetune"}
    return ModelCardData(
        model_name=facts.name,
        language=facts.languages or None,
        license=facts.license,
        library_name="sentence-transformers",
        pipeline_tag="sentence-similarity",
        tags=TAGS + (["custom_code"] if facts.code else []),
        eval_results=[result for row in figures.tasks for result in _result(row)] or None if figures else None,
        **based,
    )


def _result(row: Row) -> list[EvalResult]:
    """The score as the Hub's `model-index` has it, in points as in mteb's cards; none of a task nobody described."""
    about = row.about
    if not about:
        return []
    own = row.name in OWN_TASKS
    path = f"mgh-ata-embeddings/{row.name}" if own else mteb.get_task(row.name).metadata.dataset["path"]
    one = {name: values[0] if len(values) == 1 else None for name, values in _choices(about).items()}
    return [
        EvalResult(
            task_type=about["type"],
            dataset_type=path,
            dataset_name=row.name if own else f"MTEB {row.name}",
            dataset_config=one["subsets"],
            dataset_split=one["splits"],
            dataset_revision=one["revisions"],
            metric_type=about["main_score"],
            metric_value=round(row.score, 4),
        )
    ]


def _choices(about: dict) -> dict[str, list]:
    return {
        "subsets": about["subsets"],
        "splits": about["splits"],
        "revisions": list(about["revisions"].values()),
    }
