"""Latent attention pooling of NV-Embed. Shapes: B rows, N tokens, D hidden size, R latents, H heads, d = D / H."""

from functools import partial
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn.functional import gelu, scaled_dot_product_attention

from stages.encoder.pooling import mean_pool
from stages.shared.errors import UserError

EXPANSION = 4  # inner channels of the feed-forward layer, per channel of the hidden state


class LatentAttention(nn.Module):
    """Each token reads from a trained dictionary of R latents, then the real tokens are averaged.

    The pooling that ATA is compared with (paper, table of poolings), from NV-Embed (arXiv 2405.17428, section on the
    latent attention layer): the hidden states are the queries, the latents keys and values, an MLP follows, then the
    mean. The text says no more than that; NV-Embed's published model has pre-norms, projections of queries, keys and
    values, residuals, and a gated MLP (GEGLU) in the manner of the Perceiver, and so has this one. Where it does not
    follow that model: the heads share the D channels, as multi-head attention is commonly understood, while each head
    of the published model has D of its own, which is eight times the weights and goes unsaid in the text.

    The weights are float32 whatever the model's type, like LoRA's: they are trained from a random start, and a step of
    the size of a learning rate is lost in bfloat16.
    """

    def __init__(self, hidden_size: int, *, size: int, heads: int, seed: int):
        """Random weights that depend on `seed` alone. Raises UserError if `heads` does not divide `hidden_size`."""
        super().__init__()
        if hidden_size % heads:
            divisors = ", ".join(str(number) for number in range(1, hidden_size + 1) if hidden_size % number == 0)
            raise UserError(
                f"latent.heads={heads} does not divide the model's hidden size of {hidden_size}",
                next=f"set latent.heads in params.yaml to one of {divisors}",
            )
        self.heads = heads
        linear = partial(nn.utils.skip_init, nn.Linear)  # no draws from the global random state
        inner = EXPANSION * hidden_size
        self.latents = nn.Parameter(torch.empty(size, hidden_size))
        self.state_norm, self.latent_norm, self.mixed_norm = (nn.LayerNorm(hidden_size) for _ in range(3))
        self.query = linear(hidden_size, hidden_size, bias=False)
        self.key = linear(hidden_size, hidden_size, bias=False)
        self.value = linear(hidden_size, hidden_size, bias=False)
        self.output = linear(hidden_size, hidden_size, bias=False)
        self.expand = linear(hidden_size, 2 * inner)  # values and their gates
        self.contract = linear(inner, hidden_size)
        self._initialise(torch.Generator().manual_seed(seed))

    @torch.no_grad()
    def _initialise(self, generator: torch.Generator) -> None:
        """torch's own distributions for linear layers, standard normal latents."""
        self.latents.normal_(generator=generator)
        for layer in (self.query, self.key, self.value, self.output, self.expand, self.contract):
            bound = layer.in_features**-0.5
            for weights in layer.parameters():
                weights.uniform_(-bound, bound, generator=generator)

    def forward(self, hidden_states: Tensor, attention_mask: Tensor) -> Tensor:
        """The embeddings (B, D) of hidden states (B, N, D) of any type; padding (0 in the mask) may hold anything."""
        padding = ~attention_mask.bool()[:, :, None]  # (B, N, 1)
        states = hidden_states.to(self.latents.dtype).masked_fill(padding, 0)  # NaN times a gradient of 0 is NaN
        states = states + self._read(states)
        values, gates = self.expand(self.mixed_norm(states)).chunk(2, dim=-1)  # (B, N, 4D) each
        states = states + self.contract(values * gelu(gates))
        return mean_pool(states, attention_mask)

    def _read(self, states: Tensor) -> Tensor:
        """What each token's query finds in the latents: (B, N, D) -> (B, N, D)."""
        rows = len(states)
        latents = self.latent_norm(self.latents)  # (R, D)
        query = self._split(self.query(self.state_norm(states)))  # (B, H, N, d)
        key, value = (self._split(project(latents)[None]) for project in (self.key, self.value))  # (1, H, R, d)
        found = scaled_dot_product_attention(query, key.expand(rows, -1, -1, -1), value.expand(rows, -1, -1, -1))
        return self.output(found.transpose(1, 2).flatten(2))

    def _split(self, channels: Tensor) -> Tensor:
        return channels.unflatten(-1, (self.heads, -1)).transpose(1, 2)  # (B, N, D) -> (B, H, N, d)

    def save(self, path: Path) -> None:
        """Write the weights as safetensors."""
        save_file(self.state_dict(), path)

    def load(self, path: Path) -> None:
        """Read what `save` wrote. Raises UserError for a file that is missing, damaged or of other shapes."""
        advice = "run `dvc repro training` to make the file again, or copy it with the rest of the encoder's folder"
        if not path.exists():
            raise UserError(f"{path} does not exist; pooling latent has weights of its own there", next=advice)
        try:
            weights = load_file(path)
        except SafetensorError as error:
            raise UserError(f"{path} is not a safetensors file: {error}", next=advice) from error
        given, needed = ({name: tuple(w.shape) for name, w in ws.items()} for ws in (weights, self.state_dict()))
        if wrong := sorted(name for name in given | needed if given.get(name) != needed.get(name)):
            name = wrong[0]
            raise UserError(
                f"{path}: the shape of {name} is {given.get(name, 'missing')}, "
                f"encoder.json needs {needed.get(name, 'no such tensor')}",
                next=advice,
            )
        self.load_state_dict(weights)
