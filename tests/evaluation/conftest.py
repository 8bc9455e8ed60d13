"""A small held-out corpus with a known structure, and encoders whose order is known."""

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from stages.shared.records import Document

AREAS = ("alpha.graphs", "alpha.trees", "beta.linear")


@pytest.fixture(scope="package", autouse=True)
def _one_sklearn_thread():
    with threadpool_limits(1):
        yield


@pytest.fixture(scope="session")
def held_out():
    """90 documents: 3 areas of 2 packages, 3 modules each with 10 documents, half of them methods of one class."""
    rows = []
    for area in AREAS:
        for module in ("first", "second", "third"):
            for index in range(10):
                group, name = f"{area}.{module}", f"Thing.step{index}" if index < 5 else f"step{index}"
                where = f"{group.replace('.', ' ')} {name.lower().replace('.', ' ')}"
                kind = "method" if index < 5 else "function"
                texts = f"Summary of {where}", f"Body about {where}"
                rows.append(Document(f"{group}:{name}", area.split(".")[0], kind, group, name, *texts))
    return rows


@pytest.fixture(scope="session")
def oracle(held_out):
    """An embedding function that knows every text's place: nearer places have more parts of their vectors in common."""

    def parts(row):
        owner = f"{row.group}:{row.name.rpartition('.')[0]}"
        return row.id, owner, row.group, row.group.rpartition(".")[0], row.source

    rows = {text: parts(row) for row in held_out for text in (row.summary, row.body)}
    axes = {part: axis for axis, part in enumerate(sorted({part for row in rows.values() for part in row}))}

    def embed(texts):
        vectors = np.zeros((len(texts), len(axes)), dtype=np.float32)
        for vector, text in zip(vectors, texts, strict=True):
            vector[[axes[part] for part in rows[text]]] = 1
        return vectors

    return embed


@pytest.fixture(scope="session")
def chance():
    """An embedding function that draws each text's vector at random."""

    def embed(texts):
        return np.random.default_rng(0).standard_normal((len(texts), 32)).astype(np.float32)

    return embed


@pytest.fixture(autouse=True)
def partial_folder(monkeypatch, tmp_path):
    """Where finished tasks wait."""
    monkeypatch.setenv("MGH_PARTIAL", str(tmp_path / "partial"))
    return tmp_path / "partial"


@pytest.fixture
def model_of():
    """`model_of(embed)`, a function of texts alone as one of the models of an evaluation."""
    from stages.evaluation.models.embed import Embedded
    from stages.evaluation.models.meta import model_meta
    from stages.evaluation.models.roster import Model
    from stages.evaluation.models.text_model import TextModel
    from stages.evaluation.partial import Partial

    def model_of(embed, name="test"):
        def embedded(texts, _):
            return Embedded(embed(texts), np.zeros(len(texts), dtype=bool))

        meta = model_meta(name, revision="0", embed_dim=None, framework=[])
        return Model(name, name, TextModel(embedded, meta), Partial(name, {"name": name}), None)

    return model_of


@pytest.fixture
def run(held_out, tmp_path):
    """`run(model, names, folder)` evaluates the model on the tasks of these names: what came of it."""
    from tqdm import tqdm

    from stages.evaluation.registry import list_tasks
    from stages.evaluation.run import evaluate_model, quiet

    def evaluate(model, names, folder="results", mirror=None):
        tasks = list_tasks(names, held_out)
        with quiet(), tqdm(disable=True) as progress:
            return evaluate_model(model, tasks, held_out, tmp_path / folder, mirror=mirror, progress=progress)

    return evaluate
