"""The samples that `training_data` names: synthetic ones, public retrieval pairs, or both."""

from stages.shared.errors import UserError
from stages.shared.records import BUCKETS, Document, TrainingSample, read_records
from stages.shared.text import RETRIEVAL_INSTRUCTION

SYNTHETIC = "data/buckets/samples.parquet"
RETRIEVAL = "data/corpus/train.parquet"


def load_samples(training_data: str, batch_size: int) -> list[TrainingSample]:
    """All samples, synthetic first. Raises UserError for ungraded negatives, or too few samples for one batch."""
    samples = []
    if training_data in ("synthetic", "both"):
        samples += read_records(SYNTHETIC, TrainingSample)
    if training_data in ("retrieval", "both"):
        samples += [_pair(document) for document in read_records(RETRIEVAL, Document)]
    for sample in samples:
        if len(sample.negatives) not in (0, len(BUCKETS)):
            raise UserError(
                f"{SYNTHETIC}: sample {sample.id} has {len(sample.negatives)} negatives, not {len(BUCKETS)} or none",
                next="run `dvc repro` to make the file again, or mend it if it is your own",
            )
    if len(samples) < batch_size:
        raise UserError(
            f"training_data={training_data} gives {len(samples)} samples, fewer than training.batch_size={batch_size}",
            next="lower training.batch_size, or raise prompts.samples or the size of the corpus in the profile",
        )
    return samples


def _pair(document: Document) -> TrainingSample:
    return TrainingSample(
        id=document.id,
        kind="short_long",
        instruction=RETRIEVAL_INSTRUCTION,
        query=document.summary,
        positive=document.body,
        negatives=[],
    )
