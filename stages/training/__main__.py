"""Train the encoder with InfoNCE on graded negatives, in the order that the curriculum sets."""

from functools import partial

from stages.shared.entry import run_stage
from stages.shared.files import write_json
from stages.shared.launch import relaunch
from stages.shared.settings import Settings
from stages.training.plan.memory import check_memory
from stages.training.plan.report import print_plan

FOLDER = "data/encoder"


def main(settings: Settings) -> None:
    relaunch(settings, "training", shards=True)
    from stages.encoder.guards import check_encoder
    from stages.shared.runtime import pin_torch
    from stages.shared.seeds import derive_seed
    from stages.training.build import build_encoder, describe_run
    from stages.training.devices import available_bytes, make_accelerator
    from stages.training.export import save_checked, whole
    from stages.training.loop import train
    from stages.training.schedule import Schedule
    from stages.training.trainer import Trainer

    params, options = settings.params, settings.profile.training
    pin_torch(settings.profile.runtime, derive_seed(params.seed, "training"))
    schedule = Schedule.from_settings(settings)
    accelerator = make_accelerator(settings)
    check_memory(settings, available_bytes(accelerator))
    encoder = build_encoder(settings, accelerator.device)
    texts = [sample.positive for sample in schedule.phases[0].samples[:64]]
    check_encoder(encoder, texts, max_length=options.max_length, precision=settings.profile.runtime.precision)
    trainer = Trainer(encoder, schedule, settings, accelerator)
    build = partial(build_encoder, settings)
    metrics, checkpoints = train(trainer, settings, describe_run(settings, schedule), build)
    trained = whole(trainer, build)
    if trained is not None:
        save_checked(
            trained,
            FOLDER,
            texts,
            export=options.export,
            max_length=options.max_length,
            precision=settings.profile.runtime.precision,
        )
        write_json("reports/metrics/training.json", metrics)
        checkpoints.clear()


if __name__ == "__main__":
    run_stage(main, "training", __doc__, plan=print_plan)
