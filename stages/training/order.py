"""The order of samples: a pure function of seed and batch number, whatever processes and workers share the work."""

from functools import lru_cache

import numpy as np

from stages.shared.errors import UserError
from stages.shared.seeds import derive_seed


class Order:
    """Epoch after epoch, each shuffled anew and cut into full batches; what does not fill one waits for the next epoch.

    With groups, all samples of a batch are of one group, and an epoch's batches come in shuffled order.
    """

    def __init__(self, groups: list[str], batch_size: int, seed: int, *, apart: bool):
        """`groups` names each sample's group, which matters if `apart`.

        Raises UserError if there are fewer samples than a batch, or a group that would never fill one.
        """
        self._batch_size, self._seed = batch_size, seed
        names = np.array(groups if apart else ["all"] * len(groups))
        self._groups = [np.flatnonzero(names == name) for name in sorted(set(names.tolist()))]
        for rows in self._groups:
            if len(rows) < batch_size:
                self._refuse(names[rows[0]] if apart else None, len(rows))
        self.batches_per_epoch = sum(len(rows) // batch_size for rows in self._groups)
        self._epoch = lru_cache(maxsize=2)(self._shuffled)

    def batch(self, number: int) -> np.ndarray:
        """The indices (batch_size,) of the samples of batch `number`, which counts on through all epochs."""
        epoch, position = divmod(number, self.batches_per_epoch)
        return self._epoch(epoch)[position]

    def _shuffled(self, epoch: int) -> np.ndarray:
        generator = np.random.default_rng(derive_seed(self._seed, "epoch", epoch))
        size = self._batch_size
        cut = [generator.permutation(rows)[: len(rows) // size * size].reshape(-1, size) for rows in self._groups]
        batches = np.concatenate(cut)
        return generator.permutation(batches) if len(cut) > 1 else batches

    def _refuse(self, group: str | None, count: int):
        if group is None:
            raise UserError(
                f"there are {count} samples to train on, fewer than training.batch_size={self._batch_size}",
                next="lower training.batch_size, or raise prompts.samples or the size of the corpus in the profile",
            )
        raise UserError(
            f"there are {count} samples of kind {group}, fewer than training.batch_size={self._batch_size}: with "
            "training.batches=by_kind they would never be met",
            next="choose training.batches: mixed, lower training.batch_size, or raise prompts.samples in the profile",
        )
