"""What tests share. Nothing here, and no test, reaches the network or the user's own ledger and caches."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest
import torch

# Read by the packages when they are imported, so before any test module is.
CACHE = tempfile.mkdtemp(prefix="mgh-tests-")
os.environ.update(HF_HUB_OFFLINE="1", HF_DATASETS_OFFLINE="1", TOKENIZERS_PARALLELISM="false")
os.environ.update(HF_HOME=CACHE, MTEB_CACHE=CACHE, MPLCONFIGDIR=CACHE)
if not torch.cuda.is_available():
    os.environ.setdefault("TRITON_INTERPRET", "1")

REPOSITORY = Path(__file__).parents[1]


def pytest_unconfigure():
    shutil.rmtree(CACHE, ignore_errors=True)


@pytest.fixture(autouse=True)
def _own_ledger(tmp_path, monkeypatch):
    monkeypatch.setenv("MGH_LEDGER", str(tmp_path / "ledger.sqlite"))


@pytest.fixture(scope="session", autouse=True)
def _one_thread():
    """Threads that wait for each other over tiny tensors take far longer than one, most of all on a busy machine."""
    torch.set_num_threads(1)


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A folder with copies of the settings files, which is the working directory of the test."""
    root = tmp_path / "repository"
    shutil.copytree(REPOSITORY / "profiles", root / "profiles")
    shutil.copy(REPOSITORY / "params.yaml", root)
    monkeypatch.chdir(root)
    return root


@pytest.fixture(scope="session")
def settings():
    """The committed settings with the tiny profile."""
    from stages.shared.settings import load_settings

    return load_settings(REPOSITORY)


@pytest.fixture(scope="session")
def documents():
    """24 documents: 2 packages, each with 2 subpackages of 2 modules of 3 documents, two of them in one class."""
    from stages.shared.records import Document

    nouns = ["matrix", "graph", "signal", "table", "kernel", "token", "cluster", "filter"]
    rows = []
    for index, noun in enumerate(nouns):
        package, subpackage = ("alpha", "beta")[index // 4], ("core", "tools")[index // 2 % 2]
        group = f"{package}.{subpackage}.{noun}"
        for name in (f"{noun.capitalize()}.fit", f"{noun.capitalize()}.score", f"load_{noun}"):
            action = name.rpartition(".")[2].replace("_", " ")
            summary = f"Compute the {action} of a {noun} in place."
            body = f"The {noun} is read once. Every row of the {noun} is given to {action}, which returns a new object."
            rows.append(Document(f"{group}:{name}", package, "function", group, name, summary, body))
    return rows


@pytest.fixture(scope="session")
def corpus(documents, tmp_path_factory):
    """The documents as a training corpus file."""
    from stages.shared.records import Document, write_records

    path = tmp_path_factory.mktemp("corpus") / "train.parquet"
    write_records(path, Document, documents)
    return path


@pytest.fixture(scope="session")
def texts(documents):
    return [f"{row.summary} {row.body}" for row in documents]


@pytest.fixture(scope="session")
def tokenizer(texts):
    from stages.backbone.tokenizer import train_tokenizer

    return train_tokenizer(texts, 320, 64)


@pytest.fixture(scope="session")
def backbone_settings(settings):
    """A backbone of 2 layers with 4 heads of size 8."""
    sizes = {
        "vocabulary": 320,
        "hidden_size": 32,
        "layers": 2,
        "heads": 4,
        "intermediate_size": 48,
        "max_length": 64,
        "embedding_std": 0.02,
    }
    steps = {"warmup_steps": 12, "warmup_length": 16, "batch_size": 4, "learning_rate": 1e-2}
    return settings.profile.backbone.model_copy(update=sizes | steps)


def sharpen(model):
    """Make the attention of a random model far from even, so that masks and ATA weights matter to its embeddings."""
    for name, weights in model.named_parameters():
        if "q_proj" in name or "k_proj" in name:
            weights.data *= 12


@pytest.fixture(scope="session")
def backbone(tokenizer, backbone_settings, tmp_path_factory):
    """The folder that the backbone stage would leave for these settings."""
    from stages.backbone.scratch import build_model
    from stages.shared.files import write_json

    folder = tmp_path_factory.mktemp("backbone")
    model = build_model(backbone_settings, tokenizer, 0).model
    sharpen(model)
    model.save_pretrained(folder / "model")
    tokenizer.save_pretrained(folder / "model")
    write_json(folder / "backbone.json", {"kind": "scratch"})
    return folder
