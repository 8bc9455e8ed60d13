"""A function from texts to embeddings as an mteb model."""

from typing import Any

import numpy as np
from mteb.models import ModelMeta
from mteb.models.abs_encoder import AbsEncoder
from mteb.types import PromptType

from stages.evaluation.models.embed import Embed, Embedded
from stages.shared.errors import UserError

MANY = 8  # fewer different texts may well be the same to a bag of words


class TextModel(AbsEncoder):
    """An mteb encoder, compared by cosine similarity. Equal texts of one call are embedded once.

    Texts given to `remember` are embedded once for all: our six tasks read the same summaries and bodies.
    """

    def __init__(
        self, embed: Embed, meta: ModelMeta, *, instructions: dict[str, str] | None = None, learned: bool = True
    ):
        """
        Args:
            instructions: by task or task type, in place of mteb's own; None for a model that uses none at all.
            learned: False for a bag of words, which may well know no word of a hundred texts.
        """
        self.mteb_model_meta = meta
        self._learned = learned
        self.prompts_dict = instructions or {}
        self._embed = embed
        self._instructed = instructions is not None
        self._known: dict[str, int] = {}
        self._remembered: Embedded | None = None
        self.start_counting()

    def start_counting(self) -> None:
        """From here on `counts` counts."""
        self._texts, self._cut = 0, 0

    def counts(self) -> dict[str, int]:
        """Texts that were read, equal ones of one call once, and how many were longer than the model reads."""
        return {"texts": self._texts, "cut": self._cut}

    def remember(self, texts: list[str]) -> None:
        """Embed `texts` in one pass, so that their embeddings do not depend on which tasks ask for them."""
        distinct = list(dict.fromkeys(texts))
        if distinct != list(self._known):
            self._remembered = self._sound(distinct, "")
            self._known = {text: place for place, text in enumerate(distinct)}

    def encode(self, inputs, *, task_metadata, hf_split, hf_subset, prompt_type=None, **kwargs: Any) -> np.ndarray:  # noqa: ARG002
        """float32 embeddings (texts, D) of the batches of `inputs`.

        An encoder that was trained with instructions gets the task's, on everything but documents.

        Raises:
            UserError: if one is not finite, or a learned model gives many different texts the same one.
        """
        texts = [text for batch in inputs for text in batch["text"]]
        instruction = ""
        if self._instructed and prompt_type != PromptType.document:
            instruction = self.get_instruction(task_metadata, prompt_type) or ""
        if self._known and not instruction and all(text in self._known for text in texts):
            places = [self._known[text] for text in texts]
            distinct = list(dict.fromkeys(places))
            self._count(self._remembered.cut[distinct])
            return self._remembered.embeddings[places]
        places = {text: place for place, text in enumerate(dict.fromkeys(texts))}
        embeddings, cut = self._sound(list(places), instruction)
        self._count(cut)
        return embeddings if len(places) == len(texts) else embeddings[[places[text] for text in texts]]

    def _count(self, cut: np.ndarray) -> None:
        self._texts, self._cut = self._texts + len(cut), self._cut + int(cut.sum())

    def _sound(self, texts: list[str], instruction: str) -> Embedded:
        """`texts`, all different, embedded. Raises UserError if one is not finite, or if all are equal."""
        embedded = self._embed(texts, instruction)
        bad = np.flatnonzero(~np.isfinite(embedded.embeddings).all(axis=1))
        if len(bad):
            raise UserError(
                f"{self.mteb_model_meta.name} gives NaN or infinite embeddings for {len(bad)} of {len(texts)} texts, "
                f"first: {texts[bad[0]][:80]!r}",
                next="see reports/metrics/training.json for the loss; lower training.learning_rate, or choose "
                "runtime.precision=no",
            )
        if self._learned and len(texts) >= MANY and (embedded.embeddings == embedded.embeddings[0]).all():
            raise UserError(
                f"{self.mteb_model_meta.name} gives {len(texts)} different texts the same embedding",
                next="see reports/metrics/training.json: the model may have collapsed; lower training.learning_rate",
            )
        return embedded
