"""One self-contained HTML page: no script, no request to anywhere."""

from pathlib import Path

from stages.reporting.tables import Table
from stages.shared.labels import TRAINED
from stages.shared.records import BUCKETS, KINDS, TrainingSample
from stages.shared.templates import render_template

TEMPLATE = Path(__file__).parent / "page.html.j2"


def render(
    *,
    tables: list[Table],
    figures: dict[str, Path],
    samples: list[TrainingSample],
    metrics: dict,
    models: dict,
    anchors: dict,
    provenance: dict,
) -> str:
    """The page. `figures` are SVG files by name, set into it as they are; `samples` are shown as case studies.

    `models` are the scores of `Results.models`: the page says which baseline is ahead of the trained encoder, on how
    many of the tasks that it can do. `anchors` is what `stages.reporting.anchors.section` made.
    """
    return render_template(
        TEMPLATE,
        autoescape=True,
        tables={table.name: table for table in tables},
        figures={name: _inline(path) for name, path in figures.items()},
        samples=samples,
        levels=BUCKETS,
        metrics=metrics,
        ahead=_ahead(models),
        anchors=anchors,
        provenance=provenance,
    )


def _ahead(models: dict[str, dict]) -> dict[str, tuple[int, int]]:
    """Of each baseline: the tasks on which it beats the trained encoder, and the tasks that it can do."""
    trained = models[TRAINED]["tasks"]
    return {
        model: (sum(score > trained[task] for task, score in scores["tasks"].items()), len(scores["tasks"]))
        for model, scores in models.items()
        if model != TRAINED and scores["tasks"]
    }


def case_studies(samples: list[TrainingSample]) -> list[TrainingSample]:
    """The first sample of each task kind: chosen by position, so that nobody picked the prettiest."""
    return [
        next(row for row in samples if row.kind == kind) for kind in KINDS if any(row.kind == kind for row in samples)
    ]


def _inline(path: Path) -> str:
    """The <svg> element without the XML prologue, which HTML does not know."""
    text = path.read_text(encoding="utf-8")
    return text[text.index("<svg") :]
