"""Floating-point operations of an optimizer step, of all processes together; a multiply-add counts as two.

A matrix of P weights costs each token 2 P forward, and backward 2 P for the gradient of its input and 2 P for its own
(Kaplan et al., arXiv 2001.08361, section 2.1); a frozen matrix needs no gradient of its own. Attention costs a text of
N tokens 4 N^2 A forward in each layer, scores and mix, and twice that backward (PaLM, arXiv 2204.02311, appendix B); A
is heads x head size, and causal attention computes half. Norms, activations and the loss are left out.
"""

from dataclasses import dataclass

from stages.shared.settings import Settings
from stages.training.plan.parameters import architecture_of, attention_channels, count_parameters
from stages.training.plan.processes import processes_of
from stages.training.plan.texts import PADDING, BatchTexts


@dataclass(frozen=True)
class Work:
    """FLOPs by what they are for."""

    forward: float
    cached: float  # the first forward pass of what goes through the model twice (GradCache, arXiv 2101.06983)
    recomputed: float  # the layers' forward pass again, under activation checkpointing
    backward: float

    @property
    def total(self) -> float:
        return self.forward + self.cached + self.recomputed + self.backward


def step_work(settings: Settings, texts: BatchTexts) -> Work:
    """Of one optimizer step on batches of `texts`."""
    options, params = settings.profile.training, settings.params
    shape, counted = architecture_of(settings.profile.backbone), count_parameters(settings)
    tokens, squares = (PADDING * texts.count * part for part in (texts.length, texts.squared_length))

    linear = 2 * (counted.linear + counted.adapters)
    own = 2 * (counted.adapters if options.lora else counted.linear)  # gradients of the matrices themselves
    latent = _latent(shape.hidden_size, params.latent.size) if params.pooling == "latent" else 0
    one_layer = squares * 4 * attention_channels(shape)[0] * (0.5 if params.attention == "causal" else 1)
    attention = one_layer * shape.num_hidden_layers
    layers = tokens * linear + attention
    # ATA goes over the last layer's scores twice, for each query's sum and for each key's: that layer once more.
    pooling = tokens * latent + (one_layer if params.pooling == "ata" else 0)

    backward = tokens * (linear + own) + 2 * (attention + pooling)
    # torch stops computing a layer again at the last tensor that it saved: the input of down, or of its adapter.
    unneeded = 0 if options.lora else tokens * 2 * shape.num_hidden_layers * shape.intermediate_size * shape.hidden_size
    batches = options.gradient_accumulation
    return Work(
        forward=batches * (layers + pooling),
        cached=batches * (layers + pooling) * cached_share(settings, texts),
        recomputed=batches * (layers - unneeded) if options.activation_checkpointing else 0.0,
        backward=batches * backward,
    )


def cached_share(settings: Settings, texts: BatchTexts) -> float:
    """The part of a batch's tokens beyond `graph_tokens` of each process, which goes through the model twice."""
    mine = PADDING * texts.tokens / processes_of(settings).count
    return max(0.0, 1 - settings.profile.training.graph_tokens / mine)


def seconds(settings: Settings, operations: float) -> float:
    """How long the profile's hardware takes for them, with the efficiency that it gives."""
    hardware = settings.profile.hardware
    return operations / (hardware.teraflops * 1e12 * hardware.efficiency * processes_of(settings).devices)


def _latent(hidden: int, size: int) -> int:
    """Forward FLOPs of latent pooling for a token: query and output, its attention, the MLP D -> 8 D, 4 D -> D."""
    return 2 * (1 + 1 + 8 + 4) * hidden**2 + 4 * size * hidden
