"""AdamW, the learning rate over the steps, and the temperature, fixed or learned."""

import math

import torch
from torch import nn
from torch.optim import AdamW, Optimizer
from torch.optim.lr_scheduler import LambdaLR
from transformers import get_scheduler

from stages.shared.settings import Training

COLDEST = 0.01  # a learned temperature stays above this, as in CLIP (arXiv 2103.00020)


def build_optimizer(model: nn.Module, options: Training) -> Optimizer:
    """Fused AdamW over what is trained; norms and biases, which have one dimension, do not decay."""
    trained = [weights for weights in model.parameters() if weights.requires_grad]
    groups = [
        {"params": [weights for weights in trained if weights.ndim >= 2], "weight_decay": options.weight_decay},
        {"params": [weights for weights in trained if weights.ndim < 2], "weight_decay": 0.0},
    ]
    return AdamW([group for group in groups if group["params"]], lr=options.learning_rate, fused=True)


def build_scheduler(optimizer: Optimizer, options: Training) -> LambdaLR:
    """Linear warm-up, then a cosine or a line to 0 at the last step, or the same rate to the end."""
    name = "constant_with_warmup" if options.schedule == "constant" else options.schedule
    steps = options.steps + options.retrieval_steps
    return get_scheduler(name, optimizer, num_warmup_steps=options.warmup_steps, num_training_steps=steps)


class Temperature:
    """The temperature of the loss. Learned, it is the exponential of a weight with an optimizer of its own.

    It is no part of the model: the loss, which every process computes whole, gives each the same gradient already.
    """

    def __init__(self, options: Training, device: torch.device):
        self._fixed = None if options.learned_temperature else options.temperature
        self.logarithm = nn.Parameter(torch.tensor(math.log(options.temperature), device=device))
        self._optimizer = torch.optim.Adam([self.logarithm], lr=options.learning_rate)

    def __call__(self) -> torch.Tensor | float:
        return self.logarithm.exp() if self._fixed is None else self._fixed

    @property
    def value(self) -> float:
        return self.logarithm.detach().exp().item() if self._fixed is None else self._fixed

    @torch.no_grad()
    def step(self, rate: float) -> None:
        """Move by the gradient gathered so far, at the learning rate `rate`."""
        if self._fixed is None:
            self._optimizer.param_groups[0]["lr"] = rate
            self._optimizer.step()
            self._optimizer.zero_grad()
            self.logarithm.clamp_(min=math.log(COLDEST))

    def state_dict(self) -> dict:
        return {"logarithm": self.logarithm.detach().clone(), "optimizer": self._optimizer.state_dict()}

    def load_state_dict(self, state: dict) -> None:
        self.logarithm.data.copy_(state["logarithm"])
        self._optimizer.load_state_dict(state["optimizer"])
