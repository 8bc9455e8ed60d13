"""A decoder turned text encoder: bidirectional or causal attention, mean, last-token, latent or ATA pooling."""

from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from ata_pooling.models import UnsupportedModel, forward, keep_last_attention
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors import SafetensorError
from torch import Tensor, nn
from tqdm import tqdm
from transformers import AutoModel, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

from stages.encoder.latent import LatentAttention
from stages.encoder.pooling import last_pool, mean_pool
from stages.shared.errors import UserError
from stages.shared.files import read_json, write_json
from stages.shared.seeds import derive_seed
from stages.shared.settings import Lora, Params

CONFIG_FILE = "encoder.json"
LATENT_FILE = "latent.safetensors"
CHUNK = 32  # rows that `embed` pads to a common length


@dataclass(frozen=True)
class EncoderConfig:
    """How embeddings are made from a decoder's states; saved beside its weights."""

    pooling: str
    attention: str
    ata_score: str = "log1p"
    ata_detach: bool = False
    latent_size: int = 512
    latent_heads: int = 8

    @classmethod
    def from_params(cls, params: Params) -> "EncoderConfig":
        ata, latent = params.ata, params.latent
        return cls(params.pooling, params.attention, ata.score, ata.detach, latent.size, latent.heads)


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
        cls, folder: str | Path, config: EncoderConfig, *, seed: int = 0, device: str = "cpu"
    ) -> "Encoder":
        """The untrained encoder on the backbone that the stage of that name left in `folder`, a function of `seed`."""
        backbone = read_json(_existing(Path(folder) / "backbone.json", "dvc repro backbone"))
        if backbone["kind"] == "scratch":
            return cls._from_pretrained(str(Path(folder) / "model"), config, seed, device)
        options = {"revision": backbone["revision"], "trust_remote_code": backbone["trust_remote_code"]}
        return cls._from_pretrained(backbone["model"], config, seed, device, **options)

    @classmethod
    def load(cls, folder: str | Path, *, device: str = "cpu") -> "Encoder":
        """The encoder that `save` wrote to `folder`."""
        config = read_json(_existing(Path(folder) / CONFIG_FILE, "dvc repro training"))
        encoder = cls._from_pretrained(str(folder), EncoderConfig(**config), 0, device)
        if encoder.latent:
            encoder.latent.load(Path(folder) / LATENT_FILE)
        return encoder

    @classmethod
    def _from_pretrained(cls, name: str, config: EncoderConfig, seed: int, device: str, **options) -> "Encoder":
        try:
            model = AutoModel.from_pretrained(name, **options)
            tokenizer = AutoTokenizer.from_pretrained(name, **options)
        except (OSError, ValueError, SafetensorError) as error:
            raise UserError(
                f"cannot load the model {name}: {str(error).splitlines()[0]}",
                next="check backbone.model, backbone.revision and the network (HF_TOKEN for gated models); "
                "profile tiny needs none of them",
            ) from error
        return cls(model, tokenizer, config, seed=seed).to(device)

    def add_lora(self, lora: Lora) -> None:
        """Freeze the model and train low-rank adapters on all its linear layers and the pooling; `save` merges."""
        options = LoraConfig(r=lora.rank, lora_alpha=lora.alpha, lora_dropout=lora.dropout, target_modules="all-linear")
        self.model = get_peft_model(self.model, options)

    def save(self, folder: str | Path) -> None:
        """Write weights (safetensors), tokenizer and pooling to `folder`."""
        model = self.model.merge_and_unload() if isinstance(self.model, PeftModel) else self.model
        model.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)
        write_json(Path(folder) / CONFIG_FILE, asdict(self.config))
        if self.latent:
            self.latent.save(Path(folder) / LATENT_FILE)

    @property
    def device(self) -> torch.device:
        return self.model.device

    def tokenize(self, texts: list[str], max_length: int) -> dict[str, Tensor]:
        """Padded `input_ids` and `attention_mask` (B, N) on the model's device; special tokens survive truncation."""
        batch = self.tokenizer(texts, truncation=True, max_length=max_length, padding=True, return_tensors="pt")
        return {name: batch[name].to(self.device) for name in ("input_ids", "attention_mask")}

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Embeddings (B, D) of tokens (B, N), not normalised."""
        with _told():
            states, last = forward(self.model, input_ids, attention_mask)  # (B, N, D)
        if self.config.pooling == "mean":
            return mean_pool(states, attention_mask)
        if self.config.pooling == "last":
            return last_pool(states, attention_mask)
        if self.latent:
            return self.latent(states, attention_mask)
        options = {"score": self.config.ata_score, "detach": self.config.ata_detach}
        return last.pool(states, attention_mask=attention_mask, **options)

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


@contextmanager
def _told():
    """A model that the encoder cannot use, told with what to do."""
    try:
        yield
    except UnsupportedModel as error:
        raise UserError(
            str(error), next="choose a model of the Llama, Mistral, Qwen2, Qwen3, Gemma or Gemma 3 families"
        ) from error


def _existing(path: Path, command: str) -> Path:
    if not path.exists():
        raise UserError(f"{path} does not exist", next=f"run `{command}`")
    return path
