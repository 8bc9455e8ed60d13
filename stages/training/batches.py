"""The order of samples: a pure function of seed and step."""

from collections.abc import Iterator

import numpy as np

from stages.shared.seeds import derive_seed


def batch_indices(samples: int, batch_size: int, batches: int, seed: int) -> Iterator[np.ndarray]:
    """`batches` arrays of `batch_size` sample indices: epoch after epoch, each in a new order, the rest left out."""
    per_epoch = samples // batch_size
    for batch in range(batches):
        epoch, position = divmod(batch, per_epoch)
        if position == 0:
            order = np.random.default_rng(derive_seed(seed, "epoch", epoch)).permutation(samples)
        yield order[position * batch_size : (position + 1) * batch_size]
