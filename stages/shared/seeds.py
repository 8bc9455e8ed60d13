"""Random seeds by name: adding or reordering a consumer never changes another one's draws."""

import hashlib


def derive_seed(seed: int, *names: str | int) -> int:
    """A 32-bit seed for the consumer called `names`, a pure function of the run's `seed` and those names."""
    text = "\x1f".join([str(seed), *map(str, names)])
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=4).digest(), "big")
