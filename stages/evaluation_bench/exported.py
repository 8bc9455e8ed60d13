"""Exported encoders and their embeddings in sentence-transformers: `python -m stages.evaluation_bench.exported`."""

from pathlib import Path

from benching.made_up import Writer

from stages.evaluation_bench.work import serve
from stages.shared.settings import Settings

ODD = ("", ".", "x", "Ein Graph heißt zusammenhängend; 图是连通的。", "👩‍🔬 \u200b\ttabs\n\nlines  ", "a" * 500)
WORDS = (1, 2, 3, 5, 17, 31, 33, 63, 65, 127, 129, 300)  # around the lengths at which texts are padded or cut
VOCABULARY_TEXTS = 2_000
SHARPER = 12  # times the attention of a random model, which is all but even: masks and ATA's weights would not show


def run(settings: Settings, *, folder: str, kinds: list[tuple[str, str]], texts: int) -> dict:
    """The largest cosine distance, over queries and documents, of each kind of encoder: pooling and attention."""
    from stages.evaluation.export.write import write_export

    backbone, writer = Path(folder) / "backbone", Writer("export")
    write_backbone(backbone, settings, writer)
    some = [*ODD, *(writer.text(WORDS[number % len(WORDS)]) for number in range(texts - len(ODD)))]
    found = []
    for pooling, attention in kinds:
        source = Path(folder) / f"{pooling}-{attention}"
        encoder = write_encoder(source, backbone, settings, pooling, attention)
        done = write_export(source, f"{source}-exported", settings, backbone=backbone)
        found.append(distance(encoder, done.folder, some, settings, trust=done.facts.code))
    return {"distances": found}


def write_backbone(folder: Path, settings: Settings, writer: Writer) -> None:
    """What the stage `backbone` would leave, of profile tiny's size with random weights and sharpened attention."""
    from stages.backbone.scratch import build_model
    from stages.backbone.tokenizer import train_tokenizer
    from stages.shared.files import write_json

    options = settings.profile.backbone
    known = [writer.text(5, 90) for _ in range(VOCABULARY_TEXTS)]
    tokenizer = train_tokenizer(known, options.vocabulary, options.max_length)
    model = build_model(options, tokenizer, 0).model
    for name, weights in model.named_parameters():
        if "q_proj" in name or "k_proj" in name:
            weights.data *= SHARPER
    model.save_pretrained(folder / "model")
    tokenizer.save_pretrained(folder / "model")
    write_json(folder / "backbone.json", {"kind": "scratch"})


def write_encoder(folder: Path, backbone: Path, settings: Settings, pooling: str, attention: str):
    """An encoder as training leaves it in `folder`; instructions stand before its queries."""
    from stages.encoder import Encoder, EncoderConfig

    params = settings.params.model_copy(update={"pooling": pooling, "attention": attention})
    training = settings.profile.training.model_copy(update={"instructions": True})
    encoder = Encoder.from_backbone(backbone, EncoderConfig.from_params(params, training), seed=1)
    encoder.save(folder)
    return encoder


def distance(encoder, exported: Path, texts: list[str], settings: Settings, *, trust: bool) -> float:
    """The largest cosine distance of two embeddings of one text, in float64 so that rounding is the models' own."""
    import numpy as np
    from sentence_transformers import SentenceTransformer

    from stages.evaluation.export.layout import INSTRUCTION

    options = settings.profile.evaluation
    lengths = {"chunk_tokens": options.chunk_tokens, "max_length": options.max_length}
    model = SentenceTransformer(str(exported), device="cpu", trust_remote_code=trust, local_files_only=True)
    found = []
    for instruction, embed in ((INSTRUCTION, model.encode_query), ("", model.encode_document)):
        pair = encoder.encode(texts, instructions=[instruction] * len(texts), **lengths), embed(texts)
        first, second = (
            one.astype(np.float64) / np.linalg.norm(one.astype(np.float64), axis=1)[:, None] for one in pair
        )
        found.append((((first - second) ** 2).sum(axis=1) / 2).max())
    return float(np.max(found))


if __name__ == "__main__":
    serve(run)
