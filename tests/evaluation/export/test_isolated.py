"""An exported model runs on a machine that has never seen this repository."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from stages.encoder import EncoderConfig
from stages.evaluation.export.layout import INSTRUCTION
from tests.evaluation.export.test_embeddings import CLOSE, LATENT, distance

SCRIPT = Path(__file__).with_name("isolated_run.py")

CONFIGS = {
    "mean": EncoderConfig("mean", "bidirectional"),
    "ata": EncoderConfig("ata", "bidirectional", instructions=True, pool_instructions=False),
    "latent": EncoderConfig("latent", "causal", **LATENT),
    "adapter": EncoderConfig("last", "bidirectional"),
    "another": EncoderConfig("ata", "causal", ata_score="linear"),
}


def test_models_run_side_by_side_without_the_repository(export, texts_of_all_lengths, tmp_path):
    exported = {
        name: export(config, name, saved_as_adapter=name == "adapter", adapter=name == "adapter")
        for name, config in CONFIGS.items()
    }
    folders = {one.path: one.export.facts.code for one in exported.values()}
    assert sorted(folders.values()) == [False, True, True, True, True]
    request, answer = tmp_path / "request.json", tmp_path / "answer.npz"
    request.write_text(json.dumps({"folders": folders, "texts": texts_of_all_lengths}))
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    home = tmp_path / "home"
    home.mkdir()
    environment.update(HF_HOME=str(home), OMP_NUM_THREADS="1")
    done = subprocess.run(
        [sys.executable, "-I", str(SCRIPT), str(request), str(answer)],
        cwd=home,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    with np.load(answer) as found:
        for name, one in exported.items():
            instruction = INSTRUCTION if CONFIGS[name].instructions else ""
            queries, documents = one.ours(texts_of_all_lengths, instruction), one.ours(texts_of_all_lengths)
            assert distance(found[f"{one.path} query"], queries) < CLOSE, name
            assert distance(found[f"{one.path} document"], documents) < CLOSE, name
