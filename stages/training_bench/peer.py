"""sentence-transformers, with its own trainer and the settings that it chooses itself where ours say nothing.

`python -m stages.training_bench.peer`.

The model is the same: bidirectional attention, mean pooling, the same weights, texts cut at the same length. So are
loss, batches and their order, learning rates, weight decay and clipping. The trainer does no evaluation, logging or
saving; batch sizes of passes (32), optimizer (fused AdamW), tokenizer and data loader are its own defaults.
"""

import json
import os
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from benching.processes import tell

from stages.shared import runtime
from stages.shared.records import TrainingSample, read_records
from stages.training_bench.work import ENCODE_MAX_LENGTH, MAX_LENGTH, NEGATIVES, Work, read_settings


def load(work: Work, max_length: int, dtype: str = "float32"):
    """The SentenceTransformer on the backbone's weights."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer

    transformer = Transformer(
        str(Path(work.backbone) / "model"),
        model_kwargs={"dtype": dtype, "attn_implementation": "sdpa"},
        max_seq_length=max_length,
    )
    transformer.auto_model.config.is_causal = False  # of this come the masks
    for module in transformer.modules():
        if hasattr(module, "is_causal"):  # read where a batch has no padding, and so no mask; fixed in each layer
            module.is_causal = False
    pooling = Pooling(transformer.get_embedding_dimension(), "mean")
    return SentenceTransformer(modules=[transformer, pooling], device="cpu")


def train(work: Work) -> dict:
    """Steps per second, memory in MiB, and the loss of each step."""
    from datasets import Dataset
    from sentence_transformers import SentenceTransformerTrainer, SentenceTransformerTrainingArguments
    from sentence_transformers.base.sampler import DefaultBatchSampler
    from sentence_transformers.sentence_transformer.losses import CachedMultipleNegativesRankingLoss
    from torch.utils.data import SequentialSampler
    from transformers import TrainerCallback

    from stages.training_bench.measuring import Meter

    class Recorded(CachedMultipleNegativesRankingLoss):
        def forward(self, *given):
            loss = super().forward(*given)
            losses.append(loss.detach())
            return loss

    class Watch(TrainerCallback):
        def on_train_begin(self, *_, **__):
            self.meter = Meter()

        def on_step_end(self, *_, **__):
            self.meter.step()

    options, losses, watch = read_settings(work).profile.training, [], Watch()
    model = load(work, MAX_LENGTH)
    with TemporaryDirectory() as folder:
        arguments = SentenceTransformerTrainingArguments(
            folder,
            max_steps=work.steps,
            per_device_train_batch_size=work.batch_size,
            batch_sampler=lambda dataset, **given: DefaultBatchSampler(SequentialSampler(dataset), **given),
            learning_rate=options.learning_rate,
            lr_scheduler_type="cosine",
            warmup_steps=options.warmup_steps,
            weight_decay=options.weight_decay,
            max_grad_norm=options.max_gradient_norm,
            bf16=work.precision == "bf16",
            use_cpu=True,
            eval_strategy="no",
            logging_strategy="no",
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
            dataloader_pin_memory=False,  # it can do nothing on a CPU but warn
        )
        loss = Recorded(model, scale=1 / options.temperature)
        dataset = Dataset.from_dict(columns(read_records(work.samples, TrainingSample)))
        SentenceTransformerTrainer(model, arguments, dataset, loss=loss, callbacks=[watch]).train()
        return watch.meter.said(work.untimed) | {"losses": [loss.item() for loss in losses]}


def columns(samples: list[TrainingSample]) -> dict[str, list[str]]:
    """Query, positive and negatives as the columns that the loss wants, in that order."""
    found = {"anchor": [sample.query for sample in samples], "positive": [sample.positive for sample in samples]}
    return found | {f"negative_{n + 1}": [sample.negatives[n] for sample in samples] for n in range(NEGATIVES)}


def encode(work: Work) -> dict:
    """Texts per second of `SentenceTransformer.encode` as it comes; in bf16 its weights are."""
    import numpy as np

    texts = json.loads(Path(work.texts).read_text(encoding="utf-8"))
    model = load(work, ENCODE_MAX_LENGTH, {"fp32": "float32", "bf16": "bfloat16"}[work.precision])
    model.encode(texts[:64], normalize_embeddings=True)
    start = time.perf_counter()
    embeddings = model.encode(texts, normalize_embeddings=True)
    seconds = time.perf_counter() - start
    np.save(work.embeddings, embeddings)
    return {"texts_per_second": len(texts) / seconds}


def run(task: str, work: dict) -> dict:
    """`task` is train or encode, `work` the fields of a Work."""
    given = Work(**work)
    runtime.pin(read_settings(given).profile.runtime)
    del os.environ["TOKENIZERS_PARALLELISM"]  # its tokenizer runs on both cores, as it does when nothing is set
    return {"train": train, "encode": encode}[task](given)


if __name__ == "__main__":
    tell(run)
