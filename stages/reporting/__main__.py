"""Write tables, figures and the page from what the earlier stages measured."""

from pathlib import Path

from stages.shared.entry import run_stage
from stages.shared.files import write_text
from stages.shared.records import TrainingSample, read_records
from stages.shared.settings import Settings

REPORTS = Path("reports")


def main(settings: Settings) -> None:
    from stages.reporting import figures, paper_tables, run_tables
    from stages.reporting.anchors import anchor_table, section
    from stages.reporting.page import case_studies, render
    from stages.reporting.provenance import provenance
    from stages.reporting.results import load_anchors, load_evaluated, load_results

    results, evaluated, anchors = load_results(), load_evaluated(), load_anchors()
    tables = [
        paper_tables.table1(results, settings),
        run_tables.task_scores(results),
        run_tables.intervals(results),
        run_tables.evaluated(evaluated),
        paper_tables.similarity(results, settings),
        anchor_table(anchors),
    ]
    for table in tables:
        table.write(REPORTS / "tables")
    drawn = {
        "scores": figures.scores(results),
        "similarity": figures.similarity(results, REPORTS / "buckets/similarity.csv"),
        "training": figures.training_curves(REPORTS / "training/plots/metrics"),
    }
    if curve := figures.score_curve(REPORTS / "evaluation/curve.csv"):
        drawn["curve"] = curve
    paths = {name: REPORTS / f"figures/{name}.svg" for name in drawn}
    for name, figure in drawn.items():
        figures.save(figure, paths[name])
    page = render(
        tables=tables,
        figures=paths,
        samples=case_studies(read_records("data/buckets/samples.parquet", TrainingSample)),
        metrics=results.metrics,
        models=results.models,
        anchors=section(anchors),
        provenance=provenance(settings, evaluated),
    )
    write_text(REPORTS / "index.html", page)


if __name__ == "__main__":
    run_stage(main, "reporting", __doc__)
