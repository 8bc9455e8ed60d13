"""A pretrained decoder on the Hugging Face Hub, recorded by id, revision and file hashes; weights are not copied."""

from httpx2 import HTTPError
from huggingface_hub import HfApi

from stages.shared.errors import UserError
from stages.shared.settings import HubBackbone


def describe(backbone: HubBackbone) -> dict:
    """Id, resolved commit and the hash of each file that shapes the model. Raises UserError when out of reach."""
    try:
        info = HfApi().model_info(backbone.model, revision=backbone.revision, files_metadata=True)
    except (HTTPError, OSError) as error:
        raise UserError(
            f"cannot reach the model {backbone.model} at revision {backbone.revision}: {str(error).splitlines()[0]}",
            next="check backbone.model and backbone.revision, the network, HF_TOKEN for gated models, and that "
            "runtime.offline is false; profile tiny needs none of them",
        ) from error
    hashes = {file.rfilename: file.lfs.sha256 if file.lfs else file.blob_id for file in info.siblings}
    kept = {name: hashes[name] for name in sorted(hashes) if name.endswith((".json", ".safetensors", ".model"))}
    return {
        "kind": "hub",
        "model": backbone.model,
        "revision": info.sha,
        "trust_remote_code": backbone.trust_remote_code,
        "append_eos": backbone.append_eos,
        "files": kept,
    }
