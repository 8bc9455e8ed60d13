"""The models of one evaluation, loaded one after the other, each with what makes its scores its own."""

from collections.abc import Collection
from typing import NamedTuple

import torch
from mteb.abstasks import AbsTask
from mteb.models import EncoderProtocol, MTEBModels

from stages.evaluation.models import encoders
from stages.evaluation.models.baselines import load_baseline
from stages.evaluation.models.embed import Embed
from stages.evaluation.models.encoders import TRAINED, UNTRAINED
from stages.evaluation.models.meta import as_json
from stages.evaluation.models.text_model import TextModel
from stages.evaluation.partial import Partial
from stages.evaluation.registry import by_part
from stages.evaluation.shards import Shards
from stages.evaluation.team import Team
from stages.shared.settings import Settings

ELSEWHERE = {"tasks", "baselines", "curve_tasks", "mirror", "launch"}  # settings that leave a task's score as it is


class Model(NamedTuple):
    """One model."""

    name: str  # in the profile and the tables
    folder: str  # the same, as a folder's name
    model: MTEBModels
    partial: Partial
    shards: Shards | None

    def can(self, task: AbsTask) -> bool:
        """Whether it can do `task`: BM25 searches, it has no embeddings."""
        return isinstance(self.model, EncoderProtocol) or task._support_search


class Roster:
    """Loads models by name; for an encoder in all processes of the team."""

    def __init__(self, settings: Settings, texts: list[str], copies: Collection[str] = ()):
        """`texts` are some on which our encoders are probed before they are believed.

        `copies` are the names of those that training kept on its way.
        """
        self.names = [TRAINED, *settings.profile.evaluation.baselines, *copies]
        self._ours = {TRAINED, UNTRAINED, *copies}
        self.team = Team(settings.profile.runtime, self._load)
        self._settings, self._texts = settings, texts
        self._meta, self._instructed = None, False

    def open(self, name: str) -> Model:
        """The model `name`. Raises UserError if it cannot be loaded, or is not what its settings say."""
        options = self._settings.profile.evaluation
        if name not in self._ours:
            self.team.forget()
            model = load_baseline(name, self._settings)
            return Model(name, _folder(name), model, self._partial(name, as_json(model.mteb_model_meta)), None)
        self.team.load(name)
        partial = self._partial(name, as_json(self._meta))
        shards = Shards(partial.embeddings, partial.identity, options.embeddings, self.team.make)
        instructions = by_part(options.tasks, options.instructions) if self._instructed else None
        return Model(name, _folder(name), TextModel(shards, self._meta, instructions=instructions), partial, shards)

    def _load(self, name: str, device: torch.device) -> Embed:
        encoder = encoders.load(name, self._settings, device)
        if self.team.first:
            encoders.check(encoder, self._texts, self._settings)
            self._meta = encoders.describe(name, encoder, self._settings)
            self._instructed = encoder.config.instructions
        return encoders.embed_with(encoder, self._settings)

    def _partial(self, name: str, meta: dict) -> Partial:
        profile = self._settings.profile
        shaping = profile.evaluation.model_dump(exclude=ELSEWHERE)
        return Partial(_folder(name), {"meta": meta, "evaluation": shaping, "runtime": profile.runtime.model_dump()})


def _folder(name: str) -> str:
    """`name` as a folder's: a Hub model's and a path's slashes would make several."""
    return name.strip("/").replace("/", "__")
