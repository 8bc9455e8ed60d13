"""A decoder as text encoder, and its pooling, in one module of sentence-transformers.

Written into exported models together with the files that it imports from, so it may import nothing that torch,
transformers and sentence-transformers do not bring. Shapes: B rows, N tokens, D hidden size.
"""

import shutil
from pathlib import Path

import torch
from ata_pooling.models import forward as run
from ata_pooling.models import keep_last_attention
from sentence_transformers.base.modules import InputModule
from torch import Tensor
from transformers import AutoConfig, AutoModel, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

from stages.encoder.latent import LatentAttention
from stages.encoder.pooling import last_pool, mean_pool

LATENT_FILE = "latent.safetensors"
BASE_FOLDER = "base"  # of the model that an adapter belongs to, where it is on no Hub


class TextEncoder(InputModule):
    """Tokenizes, runs the decoder with bidirectional or causal attention, and pools: mean, last, latent or ATA."""

    config_file_name = "sentence_bert_config.json"  # where tools look for max_seq_length

    def __init__(self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, settings: dict):
        """`settings` are those of the file above: `pooling`, `attention`, `ata_score`, `ata_detach`, `latent_size`,
        `latent_heads`, `instructions`, `pool_instructions`, and for an adapter its `base`.
        """
        super().__init__()
        self.model, self.tokenizer, self.settings = model, tokenizer, settings
        self.base_folder: str | None = None
        self._prepare()
        if tokenizer.pad_token is None:
            tokenizer.pad_token = tokenizer.eos_token
        self.latent = None
        if settings["pooling"] == "latent":
            shape = {"size": settings["latent_size"], "heads": settings["latent_heads"]}
            self.latent = LatentAttention(model.config.hidden_size, **shape, seed=0)

    def _prepare(self) -> None:
        keep_last_attention(self.model, causal=self.settings["attention"] == "causal")

    def __setstate__(self, state: dict) -> None:
        """In a process that gets the module pickled (`encode` on several devices) no attention is prepared yet."""
        super().__setstate__(state)
        self._prepare()

    @property
    def max_seq_length(self) -> int:
        """Tokens of a text that are read, prompt and special tokens included."""
        return self.tokenizer.model_max_length

    @max_seq_length.setter
    def max_seq_length(self, value: int) -> None:
        self.tokenizer.model_max_length = value

    def get_embedding_dimension(self) -> int:
        return self.model.config.hidden_size

    def preprocess(self, inputs: list[str], prompt: str | None = None, **kwargs) -> dict[str, Tensor]:
        """Tokens (B, N) of `inputs` behind `prompt`, and where prompts stay out of the pool the `pool_mask` (B, N).

        Raises ValueError for inputs that are no strings, and for a prompt that fills `max_seq_length`.
        """
        if others := {type(text).__name__ for text in inputs if not isinstance(text, str)}:
            raise ValueError(f"this model reads texts: given {', '.join(sorted(others))}; allowed: str")
        prompt = prompt or ""
        apart = self.settings["instructions"] and not self.settings["pool_instructions"]
        length = kwargs.get("max_length") or self.max_seq_length
        options = {"padding": True, "truncation": True, "max_length": length, "return_token_type_ids": False}
        options |= (kwargs.get("processing_kwargs") or {}).get("text", {})
        given = self.tokenizer(
            [prompt + text for text in inputs], return_offsets_mapping=apart, return_tensors="pt", **options
        )
        tokens, mask = given["input_ids"].long(), given["attention_mask"].long()
        if not tokens.shape[1]:  # texts that are empty, without special tokens
            tokens, mask = (mask.new_zeros(len(inputs), 1) for _ in range(2))
        empty = mask.sum(dim=1) == 0
        if empty.any():  # an empty text has an embedding too: that of one padding token
            tokens[empty], mask[empty, -1] = self.tokenizer.pad_token_id, 1
        features = {"input_ids": tokens, "attention_mask": mask}
        if apart and given["input_ids"].shape[1]:
            reaches = given["offset_mapping"][:, :, 1] > len(prompt)
            features["pool_mask"] = self._after_prompt(reaches, mask, inputs if prompt else [""] * len(inputs))
        return features

    def _after_prompt(self, reaches: Tensor, mask: Tensor, inputs: list[str]) -> Tensor:
        """The real tokens (B, N) from the first on that reaches into the text; the last one alone of an empty text."""
        pooled = mask * reaches.cumsum(dim=1).bool()
        none = pooled.sum(dim=1) == 0
        if any(text and bare for text, bare in zip(inputs, none.tolist(), strict=True)):
            raise ValueError(f"the prompt fills max_seq_length={self.max_seq_length}: no token of the text is left")
        last = (torch.arange(mask.shape[1]) * mask).argmax(dim=1)
        pooled[none, last[none]] = 1
        return pooled

    def forward(self, features: dict, **kwargs) -> dict:  # noqa: ARG002 (sentence-transformers' signature)
        """Adds `token_embeddings` (B, N, D) and `sentence_embedding` (B, D), in float32 at least."""
        mask = features["attention_mask"]
        states, last = run(self.model, features["input_ids"], mask)
        pooled = self._pool(states, last, mask, features.get("pool_mask"))
        features["token_embeddings"] = states
        features["sentence_embedding"] = pooled.to(torch.promote_types(pooled.dtype, torch.float32))
        return features

    def _pool(self, states: Tensor, last, mask: Tensor, pool_mask: Tensor | None) -> Tensor:
        counted = mask if pool_mask is None else pool_mask
        pooling = self.settings["pooling"]
        if pooling == "mean":
            return mean_pool(states, counted)
        if pooling == "last":
            return last_pool(states, mask)
        if self.latent is not None:
            return self.latent(states, counted)
        options = {"score": self.settings["ata_score"], "detach": self.settings["ata_detach"]}
        return last.pool(states, attention_mask=mask, pool_mask=pool_mask, **options)

    def get_config_dict(self) -> dict:
        return {"max_seq_length": self.max_seq_length, **self.settings}

    def save(self, output_path: str, *args, **kwargs) -> None:  # noqa: ARG002 (sentence-transformers' signature)
        """Write what `load` reads: weights as safetensors, or the adapter alone and a base that is on no Hub."""
        self.model.save_pretrained(output_path)
        self.tokenizer.save_pretrained(output_path)
        self.save_config(output_path)
        if self.latent is not None:
            self.latent.save(Path(output_path) / LATENT_FILE)
        copy = Path(output_path) / BASE_FOLDER
        if self.base_folder and copy.resolve() != Path(self.base_folder).resolve():
            shutil.copytree(self.base_folder, copy, dirs_exist_ok=True)

    @classmethod
    def load(
        cls,
        model_name_or_path: str,
        subfolder: str = "",
        token: bool | str | None = None,
        cache_folder: str | None = None,
        revision: str | None = None,
        local_files_only: bool = False,
        trust_remote_code: bool = False,
        model_kwargs: dict | None = None,
        processor_kwargs: dict | None = None,
        config_kwargs: dict | None = None,
        backend: str = "torch",
        **kwargs,  # noqa: ARG003 (later arguments of sentence-transformers)
    ) -> "TextEncoder":
        """Read what `save` wrote, from a folder or the Hub. The base of an adapter is the one that was trained on."""
        if backend != "torch":
            raise ValueError(f"backend: given {backend!r}; allowed: 'torch'")
        access = {"token": token, "local_files_only": local_files_only}
        here = {"subfolder": subfolder, "cache_folder": cache_folder, "revision": revision, **access}
        there = {"cache_dir": cache_folder, "revision": revision, **access, "trust_remote_code": trust_remote_code}
        settings = cls.load_config(model_name_or_path, **here)
        options = {"model_max_length": settings.pop("max_seq_length"), "subfolder": subfolder, **there}
        tokenizer = AutoTokenizer.from_pretrained(model_name_or_path, **{**options, **(processor_kwargs or {})})

        base, base_folder = settings.get("base"), None
        source, pinned = model_name_or_path, {**there, "subfolder": subfolder}
        if base and "model" in base:
            source, pinned = base["model"], {**there, "revision": base["revision"]}
        elif base:
            source = base_folder = cls.load_dir_path(model_name_or_path, **{**here, "subfolder": BASE_FOLDER})
            pinned = {"trust_remote_code": trust_remote_code}
        model = _load_model(source, pinned, config_kwargs or {}, model_kwargs or {})
        if base:
            where = {name: value for name, value in there.items() if name != "trust_remote_code"}
            model.load_adapter(model_name_or_path, is_trainable=True, adapter_kwargs=where)

        encoder = cls(model, tokenizer, settings)
        encoder.base_folder = base_folder
        if encoder.latent is not None:
            path = cls.load_file_path(model_name_or_path, LATENT_FILE, **here)
            encoder.latent.load(Path(path or Path(model_name_or_path) / LATENT_FILE))
            encoder.latent.to(model.device)
        return encoder


def _load_model(source: str, pinned: dict, config_kwargs: dict, model_kwargs: dict) -> PreTrainedModel:
    """The model at `source`, with what the user says of it."""
    if config_kwargs:
        pinned = {**pinned, "config": AutoConfig.from_pretrained(source, **pinned, **config_kwargs)}
    return AutoModel.from_pretrained(source, **{**pinned, **model_kwargs})
