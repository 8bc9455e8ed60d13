"""The samples that `training_data` names: synthetic ones, public retrieval pairs, or both."""

from stages.shared.errors import UserError
from stages.shared.records import BUCKETS, Document, TrainingSample, read_records
from stages.shared.text import RETRIEVAL_INSTRUCTION

SYNTHETIC = "data/buckets/samples.parquet"
RETRIEVAL = "data/corpus/train.parquet"
PAIRS = "retrieval pairs"  # the group of samples without graded negatives, beside the kinds of the others


def load_samples(training_data: str) -> list[TrainingSample]:
    """All samples, synthetic first. Raises UserError if one's negatives are not graded."""
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
    return samples


def group_of(sample: TrainingSample) -> str:
    """What the samples of a batch share when batches are by kind."""
    return sample.kind if sample.negatives else PAIRS


def _pair(document: Document) -> TrainingSample:
    return TrainingSample(
        id=document.id,
        kind="short_long",
        instruction=RETRIEVAL_INSTRUCTION,
        query=document.summary,
        positive=document.body,
        negatives=[],
    )
