"""One self-contained HTML page: no script, no request to anywhere."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from stages.reporting.tables import Table
from stages.shared.records import BUCKETS, KINDS, TrainingSample

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

    `models` are the scores of `Results.models`: the page says which baseline is ahead of the trained encoder.
    `anchors` is what `stages.reporting.anchors.section` made.
    """
    scores = {model: values["tasks"] for model, values in models.items()}
    ahead = {
        model: sum(values[task] > scores["trained"][task] for task in values)
        for model, values in scores.items()
        if model != "trained"
    }
    environment = Environment(
        loader=FileSystemLoader(TEMPLATE.parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(TEMPLATE.name).render(
        tables={table.name: table for table in tables},
        figures={name: _inline(path) for name, path in figures.items()},
        samples=samples,
        levels=BUCKETS,
        metrics=metrics,
        ahead=ahead,
        anchors=anchors,
        provenance=provenance,
    )


def case_studies(samples: list[TrainingSample]) -> list[TrainingSample]:
    """The first sample of each task kind: chosen by position, so that nobody picked the prettiest."""
    return [
        next(row for row in samples if row.kind == kind) for kind in KINDS if any(row.kind == kind for row in samples)
    ]


def _inline(path: Path) -> str:
    """The <svg> element without the XML prologue, which HTML does not know."""
    text = path.read_text(encoding="utf-8")
    return text[text.index("<svg") :]
