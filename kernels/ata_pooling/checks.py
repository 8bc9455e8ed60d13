"""What `ata_pool` is given, checked: each error names the argument, what was given, and what is allowed."""

import torch
from torch import Tensor

SCORES = ("log1p", "linear")
BACKENDS = ("reference", "torch", "triton")
DTYPES = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
LARGEST_HEAD = 256  # that the Triton kernels hold in one block


def check_arguments(query, key, hidden_states, attention_mask, pool_mask, lse, window, score, backend) -> None:
    """Shapes, dtypes, devices and names; looks at no value. Raises ValueError."""
    for name, value, allowed in (("score", score, SCORES), ("backend", backend, (None, *BACKENDS))):
        if value not in allowed:
            raise ValueError(f"{name}: given {value!r}; allowed: {', '.join(map(str, allowed))}")
    if window is not None and window < 1:
        raise ValueError(f"window: given {window}; allowed: 1 or more tokens, itself among them, or None")
    if query.ndim != 4 or key.ndim != 4 or hidden_states.ndim != 3:
        raise ValueError(
            "query and key must be (B, H, N, d) and hidden_states (B, N, D); given "
            f"{tuple(query.shape)}, {tuple(key.shape)}, {tuple(hidden_states.shape)}"
        )
    batch, heads, tokens, size = query.shape
    if (key.shape[0], key.shape[2], key.shape[3]) != (batch, tokens, size):
        raise ValueError(f"key {tuple(key.shape)} does not fit query {tuple(query.shape)}")
    if heads % key.shape[1]:
        raise ValueError(
            f"key has {key.shape[1]} heads, which do not divide the {heads} of query: key does not fit query"
        )
    expected = {"hidden_states": (batch, tokens), "attention_mask": (batch, tokens), "pool_mask": (batch, tokens)}
    given = {"hidden_states": hidden_states, "attention_mask": attention_mask, "pool_mask": pool_mask, "lse": lse}
    for name, value in given.items():
        if value is None:
            continue
        wanted = expected.get(name, (batch, heads, tokens))
        if tuple(value.shape[: len(wanted)]) != wanted or (name != "hidden_states" and value.ndim != len(wanted)):
            raise ValueError(
                f"{name} {tuple(value.shape)} does not fit query {tuple(query.shape)}: wanted {wanted}"
                + (" and the hidden size" if name == "hidden_states" else "")
            )
        if value.device != query.device:
            raise ValueError(f"{name} is on {value.device} and query on {query.device}; all must be on one device")
    for name, value in {"query": query, "key": key, "hidden_states": hidden_states}.items():
        if value.dtype not in DTYPES:
            raise ValueError(f"{name}: given {value.dtype}; allowed: {', '.join(map(str, DTYPES))}")
    if key.dtype != query.dtype:
        raise ValueError(f"key is {key.dtype} and query {query.dtype}; both must be the same")
    if key.device != query.device:
        raise ValueError(f"key is on {key.device} and query on {query.device}; all must be on one device")
    if backend == "triton" and (size > LARGEST_HEAD or query.dtype == torch.float64):
        raise ValueError(
            f"backend 'triton' takes head sizes up to {LARGEST_HEAD} in 16 or 32 bits; given query "
            f"{tuple(query.shape)} in {query.dtype}: use backend='torch'"
        )


def check_values(query, key, hidden_states, real: Tensor, pooled: Tensor) -> None:
    """A token to pool in each row, and finite numbers at real tokens. Raises ValueError. Waits for the device."""
    filled = pooled.any(dim=1)
    if not bool(filled.all()):
        empty = (~filled).nonzero().flatten().tolist()
        which = "attention_mask leaves" if not bool(real.any(dim=1).all()) else "pool_mask leaves"
        counts = [(int(real[row].sum()), int(pooled[row].sum())) for row in empty[:3]]
        raise ValueError(
            f"{which} no token to pool in row {empty}: (real, to pool) are {counts}; at least one of each is needed"
        )
    for name, value, mask in (("query", query, real), ("key", key, real), ("hidden_states", hidden_states, pooled)):
        if bool(torch.isfinite(value).all()):
            continue
        mask = mask[:, None, :, None] if value.ndim == 4 else mask[:, :, None]
        wrong = (~torch.isfinite(value) & mask).nonzero()
        if len(wrong):  # what padding holds is nobody's concern
            place = tuple(wrong[0].tolist())
            raise ValueError(
                f"{name}: given {float(value[place])} at {list(place)}; allowed: finite numbers at real tokens"
            )
