"""What a model is made of here: a function from texts to embeddings."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np


class Embedded(NamedTuple):
    """Embeddings of some texts."""

    embeddings: np.ndarray  # (texts, D)
    cut: np.ndarray  # (texts,), whether the text was longer than the model reads


Embed = Callable[[list[str], str], Embedded]
"""Called with texts and the instruction that they share, "" where there is none."""
