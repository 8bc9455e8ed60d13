"""Collect seed texts for synthesis and retrieval training, and hold whole sources out for evaluation."""

from collections import Counter

from stages.shared.entry import run_stage
from stages.shared.errors import UserError
from stages.shared.files import write_json
from stages.shared.records import Document, write_records
from stages.shared.settings import PackagesSource, Settings


def main(settings: Settings) -> None:
    from stages.corpus.duplicates import drop_duplicates
    from stages.corpus.sampling import cap_sources
    from stages.corpus.sources import read

    corpus = settings.profile.corpus
    train, held_out = read(corpus, settings.profile.runtime.threads)
    # Held-out documents come first, so that of two equal texts the training one goes.
    kept, dropped = drop_duplicates([*held_out, *train], corpus.near_duplicate)
    held_out_ids = {document.id for document in held_out}
    halves = {
        "train": [document for document in kept if document.id not in held_out_ids],
        "held_out": [document for document in kept if document.id in held_out_ids],
    }
    if isinstance(corpus.source, PackagesSource):
        limit = corpus.source.max_per_package
        halves = {name: cap_sources(rows, limit) for name, rows in halves.items()}
    for name, rows in halves.items():
        if not rows:
            raise UserError(f"no {name} document is left after cleaning", next="loosen the lengths under corpus")
        write_records(f"data/corpus/{name}.parquet", Document, rows)
    metrics = {name: _counts(rows) for name, rows in halves.items()}
    write_json("reports/metrics/corpus.json", {**metrics, "dropped": dropped})


def _counts(rows: list[Document]) -> dict:
    return {
        "documents": len(rows),
        "per_package": dict(sorted(Counter(row.source for row in rows).items())),
        "per_kind": dict(sorted(Counter(row.kind for row in rows).items())),
    }


if __name__ == "__main__":
    run_stage(main, "corpus", __doc__)
