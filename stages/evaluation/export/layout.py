"""The files by which sentence-transformers knows a model: its modules, their settings, its prompts.

Mean and last-token pooling are modules of sentence-transformers itself. Such a model needs no code of ours, and its
users need not trust any (`trust_remote_code`, which sentence-transformers 6 asks for even for a local folder). Latent
and ATA pooling are not; nor is a prompt that stays out of the pool exactly up to where the text begins, since
sentence-transformers counts the tokens of the prompt alone, which by the space at its end are one more.
"""

import json
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

from transformers import PreTrainedTokenizerBase

from stages.encoder import EncoderConfig
from stages.encoder.tokens import instructed
from stages.evaluation.export.shipped import CLASS
from stages.shared.files import read_json, write_json, write_text

INSTRUCTION = "Given a search query, retrieve relevant passages that answer the query"
REQUIREMENTS = {"transformers": ">=5.17"}  # which turn `is_causal` in config.json into bidirectional attention
POOLING_MODES = {"mean": "mean", "last": "lasttoken"}
TRANSFORMER = {
    "transformer_task": "feature-extraction",
    "modality_config": {"text": {"method": "forward", "method_output_name": "last_hidden_state"}},
    "module_output_name": "token_embeddings",
}
VERSIONS = {"sentence_transformers": "sentence-transformers", "transformers": "transformers", "pytorch": "torch"}

LIBRARY = "sentence_transformers"
NORMALIZE = f"{LIBRARY}.base.modules.normalize.Normalize"


def needs_code(config: EncoderConfig, *, adapter: bool) -> bool:
    """Whether sentence-transformers' own modules cannot do what `config` says, or load an adapter on a pinned base."""
    prompts_apart = config.pooling == "mean" and config.instructions and not config.pool_instructions
    return adapter or config.pooling not in POOLING_MODES or prompts_apart


def prompts_of(config: EncoderConfig) -> dict[str, str]:
    """What stands before queries and documents where the user names no task."""
    return {"query": instructed(INSTRUCTION) if config.instructions else "", "document": ""}


def write_layout(
    folder: Path, config: EncoderConfig, *, hidden_size: int, max_length: int, code: bool, base: dict | None
) -> None:
    """Write the settings files to `folder`.

    Args:
        max_length: tokens read of a text unless the user sets another number.
        code: whether the model brings a module of its own, see `needs_code`.
        base: of an adapter: a Hub model's `model` and `revision`, or {"folder": "base"}.
    """
    if code:
        write_json(
            folder / "sentence_bert_config.json",
            {"max_seq_length": max_length, **asdict(config), **({"base": base} if base else {})},
        )
        modules = [("", CLASS), ("1_Normalize", NORMALIZE)]
    else:
        write_json(folder / "sentence_bert_config.json", {"max_seq_length": max_length, **TRANSFORMER})
        pooling = {"embedding_dimension": hidden_size, "pooling_mode": POOLING_MODES[config.pooling]}
        write_json(folder / "1_Pooling" / "config.json", {**pooling, "include_prompt": True})
        modules = [
            ("", f"{LIBRARY}.base.modules.transformer.Transformer"),
            ("1_Pooling", f"{LIBRARY}.sentence_transformer.modules.pooling.Pooling"),
            ("2_Normalize", NORMALIZE),
        ]
    _write_modules(folder, modules)
    _write_model(folder, prompts_of(config))


def write_tokenizer(folder: Path, tokenizer: PreTrainedTokenizerBase, max_length: int) -> None:
    """Write the tokenizer, which pads on the right as ours does, wherever its backbone did."""
    tokenizer.padding_side, tokenizer.model_max_length = "right", max_length
    tokenizer.save_pretrained(folder)
    path = folder / "tokenizer_config.json"
    how_it_was_loaded = ("is_local", "local_files_only", "name_or_path")
    write_json(path, {name: value for name, value in read_json(path).items() if name not in how_it_was_loaded})


def _write_modules(folder: Path, modules: list[tuple[str, str]]) -> None:
    rows = [{"idx": i, "name": str(i), "path": path, "type": kind} for i, (path, kind) in enumerate(modules)]
    write_text(folder / "modules.json", json.dumps(rows, indent=2) + "\n")


def _write_model(folder: Path, prompts: dict[str, str]) -> None:
    written_with = {name: version(package).split("+")[0] for name, package in VERSIONS.items()}
    about = {"__version__": written_with, "requirements": REQUIREMENTS, "model_type": "SentenceTransformer"}
    how = {"prompts": prompts, "default_prompt_name": None, "similarity_fn_name": "cosine"}
    write_json(folder / "config_sentence_transformers.json", {**about, **how})
