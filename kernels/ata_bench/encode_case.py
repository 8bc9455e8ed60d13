"""Encoding with a 32-layer Mistral from token ids to embeddings: ATA pooling beside mean pooling. For GPUs."""

from collections.abc import Iterator

import torch
from ata_pooling.models import forward, keep_last_attention
from benching.processes import WrongResult
from benching.table import Result
from torch import Tensor
from transformers import MistralConfig, MistralModel

from ata_bench.check import complaints, definition
from ata_bench.jobs import Job
from ata_bench.results import Options, dtype_name, timed
from ata_bench.rows import Row
from ata_bench.table import cells
from ata_bench.timing import measure

LENGTHS = (512, 4096)
TOKENS = 16384  # of a batch
LAYERS, ROUNDS = 32, 15
QUICK_LAYERS, QUICK_ROUNDS = 2, 3
DTYPE = torch.bfloat16


def run(options: Options) -> Iterator[Result]:
    """One result for each length.

    Raises:
        WrongResult: before anything of that length is timed.
    """
    options.step("build Mistral")
    # Mistral-7B's sizes, without the window of its first version.
    config = MistralConfig(num_hidden_layers=QUICK_LAYERS if options.quick else LAYERS, sliding_window=None)
    model = build(config, options.device)
    for tokens in LENGTHS[: 1 if options.quick else None]:
        yield _measure(model, tokens, options)


def build(config: MistralConfig, device: str) -> MistralModel:
    """A bidirectional model with random weights, made on the device."""
    with torch.device(device):
        model = MistralModel._from_config(config, dtype=DTYPE, attn_implementation="sdpa").eval()
    keep_last_attention(model, causal=False)
    return model


@torch.no_grad()
def with_ata(model: MistralModel, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
    """Embeddings (B, D) of tokens (B, N)."""
    states, last = forward(model, input_ids, attention_mask)
    return last.pool(states, attention_mask=attention_mask)


@torch.no_grad()
def with_mean(model: MistralModel, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
    """As `with_ata`, of the same forward pass, which is bidirectional by the same call."""
    states, _ = forward(model, input_ids, attention_mask)
    mask = attention_mask[:, :, None].to(states.dtype)
    return (states * mask).sum(dim=1) / mask.sum(dim=1)


ENCODERS = {"ata": with_ata, "mean": with_mean}


@torch.no_grad()
def require_right(model: MistralModel, input_ids: Tensor, attention_mask: Tensor) -> None:
    """Raise WrongResult unless `with_ata` pools as the definition does with the last layer's query and key."""
    states, last = forward(model, input_ids, attention_mask)
    expected = definition(last.query, last.key, states, attention_mask.bool())
    what = f"encode, {tuple(input_ids.shape)} tokens: embeddings"
    if wrong := complaints(what, with_ata(model, input_ids, attention_mask), expected, DTYPE):
        raise WrongResult("\n".join(wrong))


def _measure(model: MistralModel, tokens: int, options: Options) -> Result:
    config, batch = model.config, TOKENS // tokens
    shape = (
        f"B={batch} N={tokens} layers={config.num_hidden_layers} D={config.hidden_size} H={config.num_attention_heads} "
        f"Hkv={config.num_key_value_heads}"
    )
    generator = torch.Generator(options.device).manual_seed(0)
    input_ids = torch.randint(config.vocab_size, (batch, tokens), generator=generator, device=options.device)
    attention_mask = torch.ones_like(input_ids)
    options.step(f"check encode, {shape}")
    require_right(model, input_ids, attention_mask)

    def job(name: str) -> Job:
        return Job(lambda _: None, lambda _: ENCODERS[name](model, input_ids, attention_mask))

    options.step(f"time encode, {shape}")
    rounds = QUICK_ROUNDS if options.quick else ROUNDS
    times = measure({name: job(name) for name in ENCODERS}, device=options.device, sets=1, rounds=rounds)
    fields = {"case": "encode", "shape": shape, "dtype": dtype_name(DTYPE), "direction": "forward"}
    ratios = {name: times[name].median / times["mean"].median for name in ENCODERS}
    rows = [
        Row(**options.provenance, **fields, backend=name, **timed(times[name]), to_mean=ratios[name])
        for name in ENCODERS
    ]
    return Result(
        title=f"encode with a random Mistral, {shape}, {dtype_name(DTYPE)}",
        notes=[],
        table=cells(rows),
        rows=rows,
        figures={} if options.quick else {f"gpu-{tokens}-encode-to-mean": ratios["ata"]},
    )
