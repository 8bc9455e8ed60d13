"""The known encoder, a hashed bag of words, and the documents of our own tasks: what a score must be is no question."""

from pathlib import Path
from typing import TYPE_CHECKING

from benching.made_up import Writer

from stages.evaluation_bench.work import ROOT
from stages.shared.records import Document, read_records, write_records

if TYPE_CHECKING:
    from stages.evaluation.models.embed import Embed
    from stages.evaluation.models.roster import Model

HELD_OUT = ROOT / "data/corpus/held_out.parquet"
AREAS = ("alpha.graphs", "alpha.trees", "beta.linear", "beta.signal")
MODULES = ("first", "second", "third")


def write_documents(path: Path, count: int) -> str:
    """At most `count` held-out documents, or made-up ones where the pipeline has not run; how many, and of which.

    All processes of a case read them from here: the pipeline may run meanwhile.
    """
    from stages.evaluation.documents import choose

    there = HELD_OUT.exists()
    rows = choose(read_records(HELD_OUT, Document), count) if there else made_up(count)
    write_records(path, Document, rows)
    return f"{len(rows):,} {'held-out' if there else 'made-up'} documents"


def made_up(count: int) -> list[Document]:
    """Documents of four areas of two packages, a third of them methods; a body repeats its summary's words."""
    writer, rows = Writer("documents"), []
    for number in range(count):
        area = AREAS[number % len(AREAS)]
        group = f"{area}.{MODULES[number // len(AREAS) % len(MODULES)]}"
        method = number % 3 == 0
        name = f"Thing.step{number}" if method else f"step{number}"
        summary = f"{area.replace('.', ' ')}: {writer.text(5, 12)}"
        body = f"{summary} {writer.text(15, 80)}"
        kind = "method" if method else "function"
        rows.append(Document(f"{group}:{name}", area.partition(".")[0], kind, group, name, summary, body))
    return rows


def model(embed: "Embed | None" = None) -> "Model":
    """The known encoder as the evaluation has its encoders: behind shards on disk. `embed` may stand in for it."""
    from stages.evaluation.models.hashed import HashedEmbedder
    from stages.evaluation.models.meta import model_meta
    from stages.evaluation.models.roster import Model
    from stages.evaluation.models.text_model import TextModel
    from stages.evaluation.partial import Partial
    from stages.evaluation.shards import Shards, make_shards

    known = HashedEmbedder()
    embed = embed or known
    meta = model_meta("known", revision=known.revision, embed_dim=known.dimensions, framework=[])
    partial = Partial("known", {"model": "known"})
    shards = Shards(
        partial.embeddings, partial.identity, "fp32", lambda given: make_shards(given, embed, progress=False)
    )
    return Model("known", "known", TextModel(shards, meta), partial, shards)


def evaluate(model: "Model", tasks: list, texts: list[Document], folder: Path, mirror: Path | None = None):
    """What comes of `model` on `tasks` by our path, its files in `folder`."""
    from tqdm import tqdm

    from stages.evaluation.mirror.use import Mirror
    from stages.evaluation.run import evaluate_model, quiet

    opened = Mirror.open(mirror) if mirror else None
    with quiet(), tqdm(disable=True) as progress:
        return evaluate_model(model, tasks, texts, folder, mirror=opened, progress=progress)
