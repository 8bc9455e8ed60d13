"""Embeds texts with exported models where neither this repository nor its packages can be imported.

    python -I isolated_run.py REQUEST.json ANSWER.npz

The request names `folders` (path to whether its code is trusted), `texts` and `device`.
"""

import json
import sys


class Blocker:
    """As if the packages were not installed."""

    def find_spec(self, name, path=None, target=None):  # noqa: ARG002 (Python's signature)
        if name.split(".")[0] in ("stages", "ata_pooling"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def main(request, answer):
    import numpy as np
    from sentence_transformers import SentenceTransformer

    with open(request, encoding="utf-8") as file:
        given = json.load(file)
    found = {}
    for folder, trust in given["folders"].items():
        model = SentenceTransformer(folder, device="cpu", trust_remote_code=trust)
        found[f"{folder} query"] = model.encode_query(given["texts"])
        found[f"{folder} document"] = model.encode_document(given["texts"])
    np.savez(answer, **found)


if __name__ == "__main__":
    sys.meta_path.insert(0, Blocker())
    main(*sys.argv[1:])
