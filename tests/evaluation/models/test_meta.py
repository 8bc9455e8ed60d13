"""mteb's description of a model as JSON."""

import json
import os
import subprocess
import sys

from stages.evaluation.models.meta import as_json, model_meta

SETS = """
import json
from stages.evaluation.models.meta import as_json, model_meta
meta = model_meta("test", revision="0", embed_dim=2, framework=[], training_datasets={"a", "b", "c", "d", "e"})
print(json.dumps(as_json(meta)))
"""


def test_description_is_the_same_in_every_process():
    said = {
        subprocess.run(
            [sys.executable, "-c", SETS],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    (one,) = said
    assert json.loads(one)["training_datasets"] == ["a", "b", "c", "d", "e"]


def test_function_among_the_arguments_is_told_by_its_name():
    def instruct(text):
        return text

    meta = model_meta("test", revision="0", embed_dim=2, framework=[], loader_kwargs={"template": instruct})
    assert "instruct" in as_json(meta)["loader_kwargs"]["template"]
