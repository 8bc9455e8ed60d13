"""The encoder that training starts from, and the description of a run that its checkpoints are bound to."""

import torch

from stages.encoder import Encoder, EncoderConfig
from stages.encoder.storage import base_identity
from stages.shared.errors import UserError
from stages.shared.settings import Settings
from stages.training.export import BACKBONE
from stages.training.schedule import Schedule

FREE = {"launch", "checkpoint_every", "export"}  # what leaves the trained weights as they are


def build_encoder(settings: Settings, device: str | torch.device = "cpu") -> Encoder:
    """The backbone with pooling and adapters as the settings say; a frozen base is held in the run's precision.

    On a CPU attention is SDPA, whatever the settings say: FlashAttention is for GPUs alone.

    Raises UserError if the model cannot be loaded, or is not the one that the profile describes.
    """
    params, profile = settings.params, settings.profile
    frozen = profile.training.lora is not None and profile.runtime.precision == "bf16"
    encoder = Encoder.from_backbone(
        BACKBONE,
        EncoderConfig.from_params(params, profile.training),
        seed=params.seed,
        device=device,
        dtype=torch.bfloat16 if frozen else torch.float32,
        attn_implementation="sdpa" if torch.device(device).type == "cpu" else profile.runtime.attn_implementation,
    )
    if profile.backbone.kind == "hub":
        _check_architecture(encoder.model.config.get_text_config(), profile.backbone.architecture)
    if profile.training.lora:
        torch.manual_seed(params.seed)  # of the adapters' start
        encoder.add_lora(profile.training.lora)
    return encoder


def describe_run(settings: Settings, schedule: Schedule) -> dict:
    """All that shapes the trained weights: settings, order of samples, base model."""
    params = settings.params.model_dump(exclude={"profile"})
    training = settings.profile.training.model_dump(exclude=FREE)
    runtime = settings.profile.runtime.model_dump(exclude={"offline"})
    samples = {"order": schedule.fingerprint}
    return {**params, "training": training, "runtime": runtime, **samples, "base": base_identity(BACKBONE)}


def _check_architecture(config, architecture) -> None:
    for name, planned in architecture.model_dump().items():
        given = getattr(config, name, None)
        if name == "head_dim" and given is None:
            given = config.hidden_size // config.num_attention_heads
        if given != planned:
            raise UserError(
                f"backbone.architecture.{name}: the profile says {planned}, the model's config.json {given}",
                next="correct the profile; `python -m stages.training --plan` reckons with it",
            )
