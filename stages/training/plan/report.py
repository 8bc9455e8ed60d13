"""The plan as text: what training would take, before it is begun."""

from stages.shared.settings import Settings
from stages.training.plan.activations import chunk_tokens, held_tokens
from stages.training.plan.compute import Work, cached_share, seconds, step_work
from stages.training.plan.disk import CHECKPOINTS, checkpoint_bytes, copies, encoder_bytes
from stages.training.plan.memory import advice, estimate_memory
from stages.training.plan.numbers import duration, short, size
from stages.training.plan.parameters import count_parameters
from stages.training.plan.processes import processes_of
from stages.training.plan.texts import PADDING, BatchTexts, main_texts, retrieval_texts

BAR = 30  # characters that stand for all of a device's memory

Phases = list[tuple[int, BatchTexts]]  # steps, and the texts of their batches


def print_plan(settings: Settings) -> None:
    """Print the plan. No weights are read and the network is not asked.

    Raises UserError for an unknown kind of model or launch, and for data that cannot be read.
    """
    print("\n".join(plan_lines(settings)))


def plan_lines(settings: Settings) -> list[str]:
    """The lines of the plan."""
    options = settings.profile.training
    phases = [(options.steps, main_texts(settings))]
    if options.retrieval_steps:
        phases.append((options.retrieval_steps, retrieval_texts(settings)))
    work = _sum([(steps, step_work(settings, texts)) for steps, texts in phases])
    rows = [
        *_run(settings),
        *_parameters(settings),
        *_tokens(settings, phases),
        *_operations(settings, phases, work),
        *_memory(settings),
        *_time(settings, work),
        *_disk(settings),
        ("assumed", f"padding adds {PADDING - 1:.0%}, a token is four characters, hardware.efficiency is reached;"),
        ("", "communication, the loss and compile are left out. Exact: parameters, weights, gradients, optimizer."),
    ]
    return [f"{name:12}{text}".rstrip() for name, text in rows]


def _run(settings: Settings) -> list[tuple[str, str]]:
    params, profile = settings.params, settings.profile
    options, hardware, processes = profile.training, profile.hardware, processes_of(settings)
    backbone = profile.backbone.model if profile.backbone.kind == "hub" else "a Llama from scratch"
    way = f"LoRA of rank {options.lora.rank}" if options.lora else "all weights trained"
    precision = {"no": "float32", "bf16": "bf16"}[profile.runtime.precision]
    retrieval = f" and {options.retrieval_steps:,} on retrieval pairs" if options.retrieval_steps else ""
    idle = hardware.count - processes.devices
    unused = f"; training.launch leaves {idle} of hardware.count={hardware.count} idle" if idle else ""
    again = ", checkpointed" if options.activation_checkpointing else ""
    return [
        ("model", f"{backbone}, {way}, {precision}, pooling {params.pooling}, {params.attention}"),
        (
            "steps",
            f"{options.steps:,}{retrieval}; training_data {params.training_data}, curriculum {params.curriculum}",
        ),
        ("batch", f"{options.batch_size:,} queries see each other; {options.gradient_accumulation} such to a step"),
        ("processes", f"{processes.count} on {processes.devices} x {hardware.name}; {processes.sharding.told}{unused}"),
        (
            "chunks",
            f"{chunk_tokens(settings):,} tokens at a time, activations of {held_tokens(settings):,} at once{again}",
        ),
    ]


def _parameters(settings: Settings) -> list[tuple[str, str]]:
    counted = count_parameters(settings)
    parts = {"backbone": counted.backbone, "adapters": counted.adapters, "pooling": counted.latent}
    told = " + ".join(f"{name} {part:,}" for name, part in parts.items() if part)
    trained = f"{counted.trained:,}, {counted.trained / counted.total:.2%} of {counted.total:,}"
    return [("parameters", told), ("trained", trained)]


def _tokens(settings: Settings, phases: Phases) -> list[tuple[str, str]]:
    batches, rows = settings.profile.training.gradient_accumulation, []
    total = sum(steps * batches * texts.tokens for steps, texts in phases)
    for steps, texts in phases:
        seen = batches * texts.tokens
        told = f"{texts.count:,.0f} texts a batch, {texts.length:.1f} tokens a text, {short(seen)} a step"
        rows.append(("" if rows else "tokens", f"{told}, {short(steps * seen)} in {steps:,} steps"))
        rows.append(("", f"{texts.source}{_epochs(settings, steps, texts)}"))
        if texts.doubt:
            rows.append(("", texts.doubt))
    return [*rows, ("", f"{short(total)} in all")] if len(phases) > 1 else rows


def _epochs(settings: Settings, steps: int, texts: BatchTexts) -> str:
    if texts.samples is None:
        return ""
    options = settings.profile.training
    epochs = steps * options.gradient_accumulation * options.batch_size / texts.samples
    return f"; {texts.samples:,} samples, {epochs:.1f} epochs"


def _sum(work: list[tuple[int, Work]]) -> Work:
    """Of all steps."""
    return Work(*(sum(steps * getattr(part, name) for steps, part in work) for name in Work.__dataclass_fields__))


def _operations(settings: Settings, phases: Phases, work: Work) -> list[tuple[str, str]]:
    parts = {
        "forward": work.forward,
        "backward": work.backward,
        "GradCache's first pass": work.cached,
        "checkpointing": work.recomputed,
    }
    shares = ", ".join(f"{name} {part / work.total:.0%}" for name, part in parts.items() if part)
    twice = cached_share(settings, phases[0][1])
    graph = (
        f"{twice:.0%} of a batch is beyond graph_tokens and goes through twice"
        if twice
        else "nothing goes through twice"
    )
    steps = sum(steps for steps, _ in phases)
    return [("FLOPs", f"{work.total / steps:.2e} a step, {work.total:.2e} in all; {graph}"), ("", shares)]


def _memory(settings: Settings) -> list[tuple[str, str]]:
    hardware, parts = settings.profile.hardware, estimate_memory(settings)
    available = hardware.memory_gib * 2**30
    total, several = sum(parts.values()), processes_of(settings).per_device
    shared = f", {several} processes together" if several > 1 else ""
    rows = [("memory", f"of each {hardware.name}, {size(available)}{shared}")]
    for name, part in parts.items():
        bar = "█" * min(BAR, round(BAR * part / available))
        rows.append(("", f"{name:30}{size(part):>10}{part / available:7.1%}  {bar}".rstrip()))
    fits = total <= available
    rows.append(("", f"{'together':30}{size(total):>10}{total / available:7.1%}  {'fits' if fits else 'does not fit'}"))
    return rows if fits else [*rows, ("", f"next: {advice(settings, available)}")]


def _time(settings: Settings, work: Work) -> list[tuple[str, str]]:
    hardware, devices = settings.profile.hardware, processes_of(settings).devices
    taken = seconds(settings, work.total)
    unit = "GPU-hours" if settings.profile.runtime.device == "cuda" else "device-hours"
    speed = f"{hardware.teraflops:g} TFLOPS x {hardware.efficiency:g} x {devices}"
    return [("time", f"{duration(taken)} at {speed}, {taken * devices / 3600:.3g} {unit}")]


def _disk(settings: Settings) -> list[tuple[str, str]]:
    number, copy = copies(settings)
    curve = f"{number} copies for the curve of {size(copy)}" if number else "no copies for the curve"
    state = size(checkpoint_bytes(settings))
    return [("disk", f"checkpoints {CHECKPOINTS} x {state} at most, {curve}, encoder {size(encoder_bytes(settings))}")]
