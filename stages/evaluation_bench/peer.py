"""The same weights in sentence-transformers through plain mteb: `python -m stages.evaluation_bench.peer`.

An ordinary model (transformer, mean pooling, normalisation) given to `mteb.evaluate` as anybody would: batch sizes,
data loader, order of texts and tokenizer are their own defaults. Texts are cut at the same length.
"""

import os

from stages.evaluation_bench import speed_work
from stages.evaluation_bench.work import serve
from stages.shared.settings import Settings


def load(folder: str, max_length: int):
    """The SentenceTransformer on an encoder's weights, in float32."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer

    options = {"dtype": "float32", "attn_implementation": "sdpa"}
    transformer = Transformer(folder, model_kwargs=options, max_seq_length=max_length)
    transformer.auto_model.config.is_causal = False  # of this come the masks
    for module in transformer.modules():
        if hasattr(module, "is_causal"):  # read where a batch has no padding, and so no mask; fixed in each layer
            module.is_causal = False
    pooling = Pooling(transformer.get_embedding_dimension(), "mean")
    return SentenceTransformer(modules=[transformer, pooling, Normalize()], device="cpu")


def run(settings: Settings, *, folder: str, mirror: str, tasks: list[dict], embeddings: str) -> dict:  # noqa: ARG001
    """The same of this side."""
    del os.environ["TOKENIZERS_PARALLELISM"]  # its tokenizer runs on all cores, as it does when nothing is set
    import mteb
    import numpy as np
    from mteb.models.sentence_transformer_wrapper import SentenceTransformerEncoderWrapper

    model = load(speed_work.ENCODER, settings.profile.evaluation.max_length)
    np.save(embeddings, model.encode(speed_work.sample()))
    listed, scores = speed_work.listed(mirror, tasks), {}
    with speed_work.measured(SentenceTransformerEncoderWrapper) as found:
        for one in listed:
            (task,) = one.parts
            scores[one.name] = float(mteb.evaluate(model, task, cache=None).task_results[0].get_score())
    return found | {"embedded": found["texts"], "scores": scores}


if __name__ == "__main__":
    serve(run, torch=False)
