"""Seconds of training steps on a GPU: `python -m stages.training_bench.gpu_steps`.

The same path as the stage `training`: chunks, GradCache, loss, fused AdamW, and its
deterministic kernels. Weights are random and made on the device, and so are token ids: nothing is read or downloaded.
"""

import time
from collections.abc import Callable
from dataclasses import asdict, replace

from benching.processes import tell

from stages.shared import runtime
from stages.shared.records import TrainingSample
from stages.shared.settings import Settings
from stages.training_bench.gpu_work import NEGATIVES, POOLINGS, GpuWork, settings_for
from stages.training_bench.ours import InOrder

SQUARE = {"cuda": 8192, "cpu": 256}  # rows and columns of the matrices
ROUNDS = 20  # products of them


class RandomTokens:
    """In place of a tokenizer: every text has `max_length` random tokens, new ones each time."""

    pad_token, pad_token_id = "<pad>", 0

    def __init__(self, vocabulary: int):
        import torch

        self._vocabulary, self._generator = vocabulary, torch.Generator().manual_seed(0)

    def __call__(self, texts: list[str], *, max_length: int, **_) -> dict[str, list[list[int]]]:
        import torch
        from transformers import BatchEncoding

        size = (len(texts), max_length)
        ids = torch.randint(1, self._vocabulary, size, generator=self._generator, device="cpu")
        return BatchEncoding({"input_ids": ids.tolist()})


def measure(work: GpuWork) -> dict:
    """Steps timed with each pooling in turn, one set of weights for both.

    Returns:
        seconds: of each timed step, by pooling.
        operations: of a step, by pooling and by what they are for: plan/compute.py's FLOPs.
        matrix_rate: FLOP/s of a large matrix product in the precision of `work`.
        losses: of all steps; card: the device's name; checkpointing: whether activations are computed again;
        peak_gib: memory of the device, None on the CPU.
    """
    import torch

    rate = matrix_rate(work)
    checkpointing = not fits(work)
    encoder, trainer = build(settings_for(work, checkpointing=checkpointing), work)
    seconds, losses = timed_steps(encoder, trainer, work)
    on_gpu = work.device == "cuda"
    return {
        "seconds": seconds,
        "operations": {pooling: operations(work, pooling, checkpointing) for pooling in POOLINGS},
        "matrix_rate": rate,
        "losses": losses,
        "card": torch.cuda.get_device_name() if on_gpu else "CPU",
        "checkpointing": checkpointing,
        "peak_gib": torch.cuda.max_memory_allocated() / 2**30 if on_gpu else None,
    }


def fits(work: GpuWork) -> bool:
    """Whether the plan's estimate lets a GPU do without activation checkpointing; a CPU always does."""
    import torch

    from stages.training.plan.memory import estimate_memory

    return work.device == "cpu" or sum(estimate_memory(settings_for(work)).values()) <= torch.cuda.mem_get_info()[0]


def build(settings: Settings, work: GpuWork):
    """The encoder, as the stage makes it but for its random weights, and its trainer before the first step."""
    import torch
    from transformers import AutoConfig, AutoModel

    from stages.encoder import Encoder, EncoderConfig
    from stages.encoder.storage import attention_kernel
    from stages.training.schedule import Phase, Schedule
    from stages.training.trainer import Trainer

    options, given = settings.profile.training, settings.profile.runtime
    frozen = work.lora and work.precision == "bf16"
    torch.manual_seed(settings.params.seed)
    with torch.device(work.device):
        model = AutoModel.from_config(
            AutoConfig.for_model(**work.architecture),
            dtype=torch.bfloat16 if frozen else torch.float32,
            attn_implementation=attention_kernel(given.attn_implementation),
        )
        tokens = RandomTokens(work.architecture["vocab_size"])
        encoder = Encoder(model, tokens, EncoderConfig.from_params(settings.params, options))
        if options.lora:
            encoder.add_lora(options.lora)
    samples = [_sample(number) for number in range(work.batch_size * work.steps)]
    levels = [tuple(range(NEGATIVES))] * work.steps
    schedule = Schedule([Phase(samples, InOrder(work.batch_size), levels)], 1)
    return encoder, Trainer(encoder, schedule, settings)


def timed_steps(encoder, trainer, work: GpuWork) -> tuple[dict[str, list[float]], list[float]]:
    """Seconds of the timed steps by pooling, and the losses of all steps; every other round goes backwards."""
    seconds, rows = {pooling: [] for pooling in POOLINGS}, []
    steps = trainer.steps()
    for number in range(work.untimed + work.timed):
        for pooling in POOLINGS if number % 2 == 0 else POOLINGS[::-1]:
            encoder.config = replace(encoder.config, pooling=pooling)
            seconds[pooling].append(timed(work.device, lambda: rows.append(next(steps))))
    steps.close()
    return {pooling: found[work.untimed :] for pooling, found in seconds.items()}, [row["loss"] for row in rows]


def operations(work: GpuWork, pooling: str, checkpointing: bool) -> dict[str, float]:
    """FLOPs of a step by what they are for. The plan adds padding, of which there is none here."""
    from stages.training.plan.compute import step_work
    from stages.training.plan.texts import PADDING, BatchTexts

    texts = BatchTexts(work.texts / PADDING, work.length, work.length**2, "random tokens")
    return asdict(step_work(settings_for(work, pooling=pooling, checkpointing=checkpointing), texts))


def matrix_rate(work: GpuWork) -> float:
    """FLOP/s of the fastest of several large matrix products."""
    import torch

    size, dtype = SQUARE[work.device], torch.bfloat16 if work.precision == "bf16" else torch.float32
    left, right = (torch.randn(size, size, dtype=dtype, device=work.device) for _ in range(2))
    product = torch.empty_like(left)
    return 2 * size**3 / min(timed(work.device, lambda: torch.mm(left, right, out=product)) for _ in range(ROUNDS))


def timed(device: str, run: Callable[[], object]) -> float:
    """Seconds that the device takes for `run`, which finds it idle."""
    if device == "cpu":
        start = time.perf_counter()
        run()
        return time.perf_counter() - start
    import torch

    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    torch.cuda.synchronize()
    start.record()
    run()
    end.record()
    end.synchronize()
    return start.elapsed_time(end) / 1000


def _sample(number: int) -> TrainingSample:
    """No text twice, so that no negative is left out."""
    negatives = [f"negative {number} {level}" for level in range(NEGATIVES)]
    return TrainingSample(f"{number}", "long_long", "", f"query {number}", f"positive {number}", negatives)


def run(task: str, work: dict) -> dict:
    """`work` holds the fields of a GpuWork; `task` is steps, there is no other."""
    asked = GpuWork(**work)
    runtime.pin(settings_for(asked).profile.runtime)
    runtime.pin_torch(settings_for(asked).profile.runtime, 0)
    return {"steps": measure}[task](asked)


if __name__ == "__main__":
    tell(run)
