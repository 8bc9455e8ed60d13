"""Train the encoder with InfoNCE on graded negatives, in the order that the curriculum sets."""

from stages.shared.entry import run_stage
from stages.shared.files import write_json
from stages.shared.settings import Settings


def main(settings: Settings) -> None:
    from stages.encoder import Encoder, EncoderConfig
    from stages.shared.runtime import pin_torch
    from stages.shared.seeds import derive_seed
    from stages.training.data import load_samples
    from stages.training.loop import train

    params, profile = settings.params, settings.profile
    pin_torch(profile.runtime, derive_seed(params.seed, "training"))
    samples = load_samples(params.training_data, profile.training.batch_size)
    config = EncoderConfig.from_params(params)
    encoder = Encoder.from_backbone("data/backbone", config, seed=params.seed, device=profile.runtime.device)
    if profile.training.lora:
        encoder.add_lora(profile.training.lora)
    metrics = train(encoder, samples, settings)
    encoder.save("data/encoder")
    write_json("reports/metrics/training.json", metrics)


if __name__ == "__main__":
    run_stage(main, "training", __doc__)
