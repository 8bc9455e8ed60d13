"""Bytes that training needs on each device, by part, and whether they are there.

Weights, gradients and AdamW's two moments as in ZeRO (Rajbhandari et al., arXiv 1910.02054, section 3.1), activations
as in activations.py.
"""

from stages.shared.errors import UserError
from stages.shared.settings import Settings
from stages.training.plan.activations import activation_bytes, chunk_tokens, held_tokens
from stages.training.plan.parameters import Parameters, architecture_of, count_parameters
from stages.training.plan.processes import Sharding, processes_of
from stages.training.plan.texts import most_texts

GIB = 2**30
CERTAIN = ("weights", "gradients", "optimizer states")  # known to the byte, whatever the texts are like
RESERVE = {"cuda": GIB, "cpu": GIB // 2}  # CUDA's context and libraries; Python with its packages
SIMILARITIES = 6  # float32 tables of the loss at once: cosines, logits, masked ones, probabilities, two gradients
TABLES = 4  # and of the embeddings: themselves, normalised ones, gradients of both


def estimate_memory(settings: Settings) -> dict[str, int]:
    """Bytes by part on each device that trains. Raises UserError for an unknown kind of model or launch."""
    processes, counted = processes_of(settings), count_parameters(settings)
    parts = _states(settings, counted, processes.sharding, processes.count)
    parts["activations"] = activation_bytes(settings)
    parts["embeddings and loss"] = _loss(settings)
    parts["reserve"] = RESERVE[settings.profile.runtime.device]
    return {name: round(part * processes.per_device) for name, part in parts.items() if part}


def check_memory(settings: Settings, available_bytes: int) -> None:
    """Raise UserError if weights, gradients and optimizer states alone need more than a device has.

    `available_bytes` is the device's memory before the model is on it. What is estimated (activations) raises nothing.
    """
    parts = estimate_memory(settings)
    certain = {name: parts[name] for name in CERTAIN}
    needed = sum(certain.values())
    if needed > available_bytes:
        figures = ", ".join(f"{name} {_gib(part)}" for name, part in certain.items())
        raise UserError(
            f"training does not fit on the device: {figures} are {_gib(needed)} before the first text, and "
            f"{_gib(available_bytes)} are there",
            next=advice(settings, available_bytes),
        )


def advice(settings: Settings, available_bytes: float) -> str:
    """What to change in the profile so that training fits."""
    options, parts = settings.profile.training, estimate_memory(settings)
    spare = available_bytes - (sum(parts.values()) - parts["activations"])
    fitting = int(held_tokens(settings) * spare / parts["activations"])
    if fitting >= options.max_length:
        lower = "training.graph_tokens" + (" and training.chunk_tokens" if fitting < options.chunk_tokens else "")
        checkpointing = "" if options.activation_checkpointing else "set training.activation_checkpointing: true, or "
        return f"{checkpointing}lower {lower} to about {fitting:,}"
    lora = "" if options.lora else "train adapters alone (training.lora: {rank: 16, alpha: 32, dropout: 0.05}); "
    sharded = processes_of(settings).sharding.weights
    shard = "raise hardware.count" if sharded else "set training.launch: fsdp2 or zero3, with several devices"
    return f"{lora}{shard}; or choose a smaller backbone"


def _states(settings: Settings, counted: Parameters, sharding: Sharding, processes: int) -> dict[str, float]:
    """What belongs to the parameters, of one process."""
    bf16 = settings.profile.runtime.precision == "bf16"
    weight_share = processes if sharding.weights else 1
    optimizer_share = processes if sharding.optimizer else 1
    trained, frozen = counted.trained, counted.frozen * (2 if bf16 else 4)
    if sharding.deepspeed and bf16:  # a float32 copy of what is trained stands with the two moments
        weights, gradients, optimizer = 2 * trained, 2 * trained, 12 * trained
    else:
        weights, gradients, optimizer = 4 * trained, 4 * trained, 8 * trained
    return {
        "weights": (weights + frozen) / weight_share,
        "gradients": gradients / optimizer_share,
        "optimizer states": optimizer / optimizer_share,
        "gradients not yet shared out": _unshared(counted, sharding, processes),
        "weights cast or gathered": _copies(settings, counted, sharding),
    }


def _unshared(counted: Parameters, sharding: Sharding, processes: int) -> float:
    """FSDP2 holds gradients whole, in float32, until the last chunk's backward pass (pytorch PR 126166)."""
    return 4 * counted.trained if sharding.weights and not sharding.deepspeed and processes > 1 else 0


def _copies(settings: Settings, counted: Parameters, sharding: Sharding) -> float:
    """Of weights, beside the weights: two gathered layers and the embedding, or the bf16 ones that autocast makes."""
    bf16 = settings.profile.runtime.precision == "bf16"
    layers = architecture_of(settings.profile.backbone).num_hidden_layers
    if sharding.weights:
        return (2 if bf16 else 4) * (2 * counted.linear / layers + counted.embedding)
    if not bf16 or sharding.deepspeed:
        return 0
    cast = 2 * (counted.latent + counted.adapters + (0 if counted.adapters else counted.linear))
    if settings.profile.training.activation_checkpointing:
        return cast / layers  # made again when a layer goes back
    return cast * (held_tokens(settings) // chunk_tokens(settings))  # each pass through the model makes its own


def _loss(settings: Settings) -> int:
    """Every process computes the whole batch's loss: B x (B + M) similarities and T embeddings of D, in float32."""
    texts, queries = most_texts(settings), settings.profile.training.batch_size
    hidden = architecture_of(settings.profile.backbone).hidden_size
    return 4 * (SIMILARITIES * queries * (texts - queries) + TABLES * texts * hidden)


def _gib(size: float) -> str:
    return f"{size / GIB:.1f} GiB"
