"""A decoder turned text encoder: bidirectional or causal attention, mean, last-token or ATA pooling."""

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from ata_pooling import ata_pool
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors import SafetensorError
from torch import Tensor, nn
from tqdm import tqdm
from transformers import AutoModel, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

from stages.encoder import attention
from stages.encoder.pooling import last_pool, mean_pool
from stages.shared.errors import UserError
from stages.shared.files import read_json, write_json
from stages.shared.settings import Lora, Params

CONFIG_FILE = "encoder.json"
CHUNK = 32  # rows that `embed` pads to a common length


@dataclass(frozen=True)
class EncoderConfig:
    """How embeddings are made from a decoder's states; saved beside its weights."""

    pooling: str
    attention: str
    ata_score: str = "log1p"
    ata_detach: bool = False

    @classmethod
    def from_params(cls, params: Params) -> "EncoderConfig":
        return cls(params.pooling, params.attention, params.ata.score, params.ata.detach)


class Encoder(nn.Module):
    """`forward` gives raw embeddings with gradients, `encode` normalised ones of many texts without."""

    def __init__(self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, config: EncoderConfig):
        super().__init__()
        self.model, self.tokenizer, self.config = model, tokenizer, config
        model.config.is_causal = config.attention == "causal"
        model.config.use_cache = False
        model.set_attn_implementation(attention.NAME)
        if tokenizer.pad_token is None:
            tokenizer.pad_token = tokenizer.eos_token

    @classmethod
    def from_backbone(cls, folder: str | Path, config: EncoderConfig, *, device: str = "cpu") -> "Encoder":
        """The untrained encoder on the backbone that the stage of that name left in `folder`."""
        backbone = read_json(_existing(Path(folder) / "backbone.json", "dvc repro backbone"))
        if backbone["kind"] == "scratch":
            return cls._from_pretrained(str(Path(folder) / "model"), config, device)
        options = {"revision": backbone["revision"], "trust_remote_code": backbone["trust_remote_code"]}
        return cls._from_pretrained(backbone["model"], config, device, **options)

    @classmethod
    def load(cls, folder: str | Path, *, device: str = "cpu") -> "Encoder":
        """The encoder that `save` wrote to `folder`."""
        config = read_json(_existing(Path(folder) / CONFIG_FILE, "dvc repro training"))
        return cls._from_pretrained(str(folder), EncoderConfig(**config), device)

    @classmethod
    def _from_pretrained(cls, name: str, config: EncoderConfig, device: str, **options) -> "Encoder":
        try:
            model = AutoModel.from_pretrained(name, **options)
            tokenizer = AutoTokenizer.from_pretrained(name, **options)
        except (OSError, ValueError, SafetensorError) as error:
            raise UserError(
                f"cannot load the model {name}: {str(error).splitlines()[0]}",
                next="check backbone.model, backbone.revision and the network (HF_TOKEN for gated models); "
                "profile tiny needs none of them",
            ) from error
        return cls(model, tokenizer, config).to(device)

    def add_lora(self, lora: Lora) -> None:
        """Freeze the model and train low-rank adapters on all its linear layers; `save` merges them."""
        options = LoraConfig(r=lora.rank, lora_alpha=lora.alpha, lora_dropout=lora.dropout, target_modules="all-linear")
        self.model = get_peft_model(self.model, options)

    def save(self, folder: str | Path) -> None:
        """Write weights (safetensors), tokenizer and pooling to `folder`."""
        model = self.model.merge_and_unload() if isinstance(self.model, PeftModel) else self.model
        model.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)
        write_json(Path(folder) / CONFIG_FILE, asdict(self.config))

    @property
    def device(self) -> torch.device:
        return self.model.device

    def tokenize(self, texts: list[str], max_length: int) -> dict[str, Tensor]:
        """Padded `input_ids` and `attention_mask` (B, N) on the model's device; special tokens survive truncation."""
        batch = self.tokenizer(texts, truncation=True, max_length=max_length, padding=True, return_tensors="pt")
        return {name: batch[name].to(self.device) for name in ("input_ids", "attention_mask")}

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Embeddings (B, D) of tokens (B, N), not normalised."""
        # Positions count real tokens, so that left padding does not move a text.
        positions = (attention_mask.cumsum(dim=1) - 1).clamp(min=0)
        keep = attention.LastAttention()
        states = self.model(
            input_ids=input_ids, attention_mask=attention_mask, position_ids=positions, keep=keep
        ).last_hidden_state  # (B, N, D)
        if self.config.pooling == "mean":
            return mean_pool(states, attention_mask)
        if self.config.pooling == "last":
            return last_pool(states, attention_mask)
        if keep.query is None:
            raise UserError(
                f"{type(self.model).__name__} does not hand its last layer's query and key to the attention interface",
                next="choose pooling=mean or last, or a model of the Llama, Mistral or Qwen families",
            )
        return ata_pool(
            keep.query,
            keep.key,
            states,
            attention_mask=attention_mask,
            causal=self.config.attention == "causal",
            scale=keep.scale,
            score=self.config.ata_score,
            detach=self.config.ata_detach,
        )

    def embed(self, texts: list[str], max_length: int) -> tuple[Tensor, int]:
        """Embeddings (len(texts), D) with gradients, in the order of `texts`, and how many tokens they have.

        Texts of like length go through the model together: of a batch of queries and documents as it comes, padding
        would be more than half.
        """
        lengths = [len(ids) for ids in self.tokenizer(texts, truncation=True, max_length=max_length)["input_ids"]]
        order = sorted(range(len(texts)), key=lengths.__getitem__)
        chunks = [order[start : start + CHUNK] for start in range(0, len(order), CHUNK)]
        embeddings = [self(**self.tokenize([texts[index] for index in chunk], max_length)) for chunk in chunks]
        return torch.cat(embeddings)[torch.tensor(order, device=self.device).argsort()], sum(lengths)

    @torch.inference_mode()
    def encode(self, texts: list[str], *, batch_size: int, max_length: int, progress: bool = False) -> np.ndarray:
        """L2-normalised float32 embeddings (len(texts), D), in the order of `texts`."""
        self.eval()
        order = sorted(range(len(texts)), key=lambda index: -len(texts[index]))  # like lengths together: less padding
        embeddings = np.zeros((len(texts), self.model.config.hidden_size), dtype=np.float32)
        starts = range(0, len(texts), batch_size)
        for start in tqdm(starts, desc="encode", unit="batch", disable=None if progress else True):
            chosen = order[start : start + batch_size]
            batch = self(**self.tokenize([texts[index] for index in chosen], max_length))
            embeddings[chosen] = nn.functional.normalize(batch.float(), dim=-1).cpu().numpy()
        return embeddings


def _existing(path: Path, command: str) -> Path:
    if not path.exists():
        raise UserError(f"{path} does not exist", next=f"run `{command}`")
    return path
