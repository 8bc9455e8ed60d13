"""Make or name the model that training starts from, with its tokenizer."""

from pathlib import Path

from stages.shared.entry import run_stage
from stages.shared.files import write_json
from stages.shared.records import Document, read_records
from stages.shared.settings import Settings

FOLDER = Path("data/backbone")


def main(settings: Settings) -> None:
    backbone = settings.profile.backbone
    if backbone.kind == "hub":
        from stages.backbone.hub import describe

        description = describe(backbone)
        write_json(FOLDER / "backbone.json", description)
        write_json("reports/metrics/backbone.json", {"files": len(description["files"])})
        return

    from stages.backbone.scratch import build_model, pack, warm_up
    from stages.backbone.tokenizer import train_tokenizer
    from stages.shared.runtime import pin_torch

    seed = settings.params.seed
    pin_torch(settings.profile.runtime, seed)
    texts = [f"{row.summary} {row.body}" for row in read_records("data/corpus/train.parquet", Document)]
    tokenizer = train_tokenizer(texts, backbone.vocabulary, backbone.max_length)
    model = build_model(backbone, tokenizer, seed)
    metrics = {"parameters": model.model.num_parameters(), "vocabulary": len(tokenizer)}
    if backbone.warmup_steps:
        metrics["warmup_loss"] = warm_up(model, pack(texts, tokenizer, backbone.warmup_length), backbone, seed)
    model.model.save_pretrained(FOLDER / "model")
    tokenizer.save_pretrained(FOLDER / "model")
    write_json(FOLDER / "backbone.json", {"kind": "scratch"})
    write_json("reports/metrics/backbone.json", metrics)


if __name__ == "__main__":
    run_stage(main, "backbone", __doc__)
