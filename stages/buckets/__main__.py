"""Sort the negatives into N1..N4, check the levels with an independent scorer, and drop harmful samples."""

from collections import Counter

from stages.shared.entry import run_stage
from stages.shared.errors import UserError
from stages.shared.files import write_csv, write_json
from stages.shared.records import Document, Dropped, Sample, TrainingSample, read_records, write_records
from stages.shared.settings import Settings


def main(settings: Settings) -> None:
    import numpy as np

    from stages.buckets.filters import REASONS, drop, false_negative_rate
    from stages.buckets.scorer import load_scorer
    from stages.buckets.similarity import histogram, measure, summarise

    options = settings.profile.buckets
    samples = read_records("data/synthesis/samples.parquet", Sample)
    held_out = read_records("data/corpus/held_out.parquet", Document)
    similarities = measure(samples, load_scorer(options.scorer, settings.profile.runtime.device))
    dropped = drop(
        samples,
        held_out,
        similarities,
        false_negative=options.false_negative,
        duplicate=options.near_duplicate,
    )
    gone = {row.sample_id for row in dropped}
    kept = [row for row in samples if row.id not in gone]
    if not kept:
        raise UserError("every sample was dropped", next="raise buckets.false_negative or buckets.near_duplicate")
    rows = [TrainingSample(row.id, row.kind, row.instruction, row.query, row.positive, row.negatives) for row in kept]
    write_records("data/buckets/samples.parquet", TrainingSample, rows)
    write_records("data/buckets/dropped.parquet", Dropped, dropped)
    kept_similarities = similarities.select(np.array([row.id not in gone for row in samples]))
    write_csv("reports/buckets/similarity.csv", histogram(kept_similarities))
    reasons = Counter(row.reason for row in dropped)
    metrics = {
        "samples": len(kept),
        "dropped": {reason: reasons[reason] for reason in REASONS},
        "false_negative_rate": false_negative_rate(similarities, options.false_negative),
        **summarise(kept_similarities),
    }
    write_json("reports/metrics/buckets.json", metrics)


if __name__ == "__main__":
    run_stage(main, "buckets", __doc__)
