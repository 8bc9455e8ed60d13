"""A decoder turned text encoder: bidirectional or causal attention, mean, last-token, latent or ATA pooling."""

from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from ata_pooling.models import UnsupportedModel, forward, keep_last_attention
from peft import LoraConfig, PeftModel, get_peft_model
from torch import Tensor, nn
from tqdm import tqdm
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from stages.encoder import storage
from stages.encoder.chunks import token_chunks
from stages.encoder.latent import LatentAttention
from stages.encoder.pooling import last_pool, mean_pool
from stages.encoder.tokens import Tokens, tokenize
from stages.shared.errors import UserError
from stages.shared.files import read_json, write_json
from stages.shared.seeds import derive_seed
from stages.shared.settings import Lora, Params, Training

CONFIG_FILE = "encoder.json"
LATENT_FILE = "latent.safetensors"
BLOCK = 16_384  # texts that `encode` tokenizes and sorts at a time


@dataclass(frozen=True)
class EncoderConfig:
    """How embeddings are made from a decoder's states; saved beside its weights."""

    pooling: str
    attention: str
    ata_score: str = "log1p"
    ata_detach: bool = False
    latent_size: int = 512
    latent_heads: int = 8
    instructions: bool = False
    pool_instructions: bool = True

    @classmethod
    def from_params(cls, params: Params, training: Training) -> "EncoderConfig":
        ata, latent = params.ata, params.latent
        return cls(
            pooling=params.pooling,
            attention=params.attention,
            ata_score=ata.score,
            ata_detach=ata.detach,
            latent_size=latent.size,
            latent_heads=latent.heads,
            instructions=training.instructions,
            pool_instructions=training.pool_instructions,
        )


class Encoder(nn.Module):
    """`forward` gives raw embeddings with gradients, `encode` normalised ones of many texts without."""

    def __init__(
        self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, config: EncoderConfig, *, seed: int = 0
    ):
        """`seed` is that of the weights that latent pooling adds to the model; no other pooling adds any."""
        super().__init__()
        self.model, self.tokenizer, self.config = model, tokenizer, config
        with _told():
            keep_last_attention(model, causal=config.attention == "causal")
        if tokenizer.pad_token is None:
            tokenizer.pad_token = tokenizer.eos_token
        self.latent = None
        if config.pooling == "latent":
            shape = {"size": config.latent_size, "heads": config.latent_heads}
            seed = derive_seed(seed, "encoder", "latent")
            self.latent = LatentAttention(model.config.hidden_size, **shape, seed=seed)

    @classmethod
    def from_backbone(
        cls,
        folder: str | Path,
        config: EncoderConfig,
        *,
        seed: int = 0,
        device: str | torch.device = "cpu",
        dtype: torch.dtype = torch.float32,
        attn_implementation: str = "sdpa",
    ) -> "Encoder":
        """The untrained encoder on the backbone that the stage of that name left in `folder`, a function of `seed`."""
        loaded = storage.load_backbone(folder, dtype=dtype, attn_implementation=attn_implementation)
        return cls(*loaded, config, seed=seed).to(device)

    @classmethod
    def load(
        cls,
        folder: str | Path,
        *,
        backbone: str | Path = "data/backbone",
        device: str = "cpu",
        dtype: torch.dtype | str = "auto",
        attn_implementation: str = "sdpa",
    ) -> "Encoder":
        """The encoder that `save` wrote to `folder`, by default in the type that it was saved in.

        `backbone` is read if the folder holds an adapter alone.
        """
        saved = read_json(storage.existing(Path(folder) / CONFIG_FILE, "dvc repro training"))
        base, config = saved.pop("base", None), EncoderConfig(**saved)
        options = {"dtype": dtype, "attn_implementation": attn_implementation}
        if (Path(folder) / storage.ADAPTER_FILE).exists():
            loaded = storage.load_adapter(folder, backbone, base, **options)
        else:
            loaded = storage.load_model(str(folder), **options)
        encoder = cls(*loaded, config).to(device)
        if encoder.latent:
            encoder.latent.load(Path(folder) / LATENT_FILE)
        return encoder

    def add_lora(self, lora: Lora) -> None:
        """Freeze the model and train low-rank adapters on all its linear layers and the pooling."""
        options = LoraConfig(r=lora.rank, lora_alpha=lora.alpha, lora_dropout=lora.dropout, target_modules="all-linear")
        with storage.without_peft_warning():
            self.model = get_peft_model(self.model, options)

    def save(self, folder: str | Path) -> None:
        """Write weights (safetensors), adapters merged for good, tokenizer and pooling to `folder`."""
        model = self.model.merge_and_unload() if isinstance(self.model, PeftModel) else self.model
        for name in (storage.ADAPTER_FILE, storage.ADAPTER_WEIGHTS):
            (Path(folder) / name).unlink(missing_ok=True)  # an earlier run's, which would be put on this model
        model.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)
        self._save_rest(folder, asdict(self.config))

    def save_copy(self, folder: str | Path, backbone: str | Path = "data/backbone") -> None:
        """A small copy for looking back at: the adapter, bound to its base, or all weights in bfloat16."""
        if isinstance(self.model, PeftModel):
            self.model.save_pretrained(folder)
            (Path(folder) / "README.md").unlink(missing_ok=True)  # peft's model card, with nothing filled in
            self._save_rest(folder, {**asdict(self.config), "base": storage.base_identity(backbone)})
        else:
            storage.save_light(self.model, folder)
            self.tokenizer.save_pretrained(folder)
            self._save_rest(folder, asdict(self.config))

    def _save_rest(self, folder: str | Path, config: dict) -> None:
        write_json(Path(folder) / CONFIG_FILE, config)
        if self.latent:
            self.latent.save(Path(folder) / LATENT_FILE)

    @property
    def _no_split_modules(self) -> list[str]:
        """The model's layers, by which FSDP shares out its weights."""
        return self.model._no_split_modules

    @property
    def device(self) -> torch.device:
        return self.model.device

    def tokens(self, texts: list[str], max_length: int, instructions: list[str] | None = None) -> Tokens:
        """`texts` as tokens, behind their instructions ("" for documents, as None is) where this encoder uses them."""
        config = self.config
        return tokenize(
            self.tokenizer,
            texts,
            max_length,
            instructions=(instructions or [""] * len(texts)) if config.instructions else None,
            pool_instructions=config.pool_instructions,
        )

    def forward(self, input_ids: Tensor, attention_mask: Tensor, pool_mask: Tensor | None = None) -> Tensor:
        """Embeddings (B, D) of tokens (B, N), not normalised; `pool_mask` names the tokens that count."""
        with _told():
            states, last = forward(self.model, input_ids, attention_mask)  # (B, N, D)
        counted = attention_mask if pool_mask is None else pool_mask
        if self.config.pooling == "mean":
            return mean_pool(states, counted)
        if self.config.pooling == "last":
            return last_pool(states, attention_mask)
        if self.latent:
            return self.latent(states, counted)
        options = {"score": self.config.ata_score, "detach": self.config.ata_detach}
        pooled = last.pool(states, attention_mask=attention_mask, pool_mask=pool_mask, **options)
        return pooled.clone()  # the operator may give a view, on which FSDP2's hook for the backward pass is not safe

    @torch.inference_mode()
    def encode(
        self,
        texts: list[str],
        *,
        chunk_tokens: int,
        max_length: int,
        precision: str = "no",
        instructions: list[str] | None = None,
        on_tokens: Callable[[Tokens], None] | None = None,
        progress: bool = False,
    ) -> np.ndarray:
        """L2-normalised float32 embeddings (len(texts), D), in the order of `texts`.

        Args:
            chunk_tokens: tokens, padding included, in one pass through the model.
            precision: "no" for the weights' own, "bf16" for autocast.
            instructions: one for each text, "" for documents; unused by an encoder trained without.
            on_tokens: called with the tokens of each block of texts before it is encoded.
        """
        self.eval()
        embeddings = np.zeros((len(texts), self.model.config.hidden_size), dtype=np.float32)
        autocast = torch.autocast(self.device.type, torch.bfloat16, enabled=precision == "bf16")
        with autocast, tqdm(total=len(texts), desc="encode", unit="text", disable=None if progress else True) as bar:
            for start in range(0, len(texts), BLOCK):
                block = slice(start, start + BLOCK)
                tokens = self.tokens(texts[block], max_length, instructions and instructions[block])
                if on_tokens:
                    on_tokens(tokens)
                for rows in token_chunks(tokens.lengths, chunk_tokens):
                    batch = {name: tensor.to(self.device) for name, tensor in tokens.padded(rows).items()}
                    unit = nn.functional.normalize(self(**batch).float(), dim=-1)
                    embeddings[np.add(rows, start)] = unit.cpu().numpy()
                    bar.update(len(rows))
        return embeddings


@contextmanager
def _told():
    """A model that the encoder cannot use, told with what to do."""
    try:
        yield
    except UnsupportedModel as error:
        raise UserError(
            str(error), next="choose a model of the Llama, Mistral, Qwen2, Qwen3, Gemma or Gemma 3 families"
        ) from error
