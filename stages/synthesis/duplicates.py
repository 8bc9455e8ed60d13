"""Near duplicates across samples, found as they come: MinHash (Broder 1997) with locality-sensitive hashing.

datasketch's own index keeps kilobytes for a sample. Here it is a table of fixed size that stores no key: samples that
meet in it by chance are told apart by their sketches, of one byte for each permutation (b-bit minwise hashing, Li and
König 2010).
"""

import zlib
from array import array

import numpy as np
from datasketch import MinHash

from stages.shared.records import Sample
from stages.synthesis.words import units

PERMUTATIONS = 64
SHINGLE = 3  # words, or characters where a language does not part words
RECALL = 0.95  # of the pairs just as similar as the threshold, the share that shares a band
SLOT_BITS = 22  # a table of 16 MiB; with 300,000 samples, a slot that is looked up holds 0.6 of them by chance


class NearDuplicates:
    """Samples whose query and positive share at least `threshold` of their word 3-grams (Jaccard, estimated)."""

    def __init__(self, threshold: float):
        self._threshold = threshold
        self._empty = MinHash(num_perm=PERMUTATIONS, seed=1, hashfunc=zlib.crc32)
        self._rows = _rows_per_band(threshold)
        # A band's slot is a random linear form of its values; those of a sample stand in `_before` side by side.
        self._factors = np.random.default_rng(1).integers(2**63, size=PERMUTATIONS, dtype=np.uint64) * 2 + 1
        self._latest = array("i", bytes(4 << SLOT_BITS))  # by slot, the place in `_before` of its last band; 0 for none
        self._before = array("i", [0])  # for each band of each sample, the place of the one before it in its slot
        self._sketches = bytearray()
        self._ids: list[str] = []

    def seen(self, sample: Sample) -> str | None:
        """The id of the most similar earlier sample at or above the threshold; without one, `sample` is added."""
        values = self._minima(sample)
        sketch = values.astype(np.uint8)
        forms = (values.astype(np.uint64) * self._factors).reshape(-1, self._rows).sum(axis=1)
        slots = (forms >> np.uint64(64 - SLOT_BITS)).tolist()
        if candidates := self._sharing_a_slot(slots):
            equal = np.frombuffer(self._sketches, np.uint8).reshape(-1, PERMUTATIONS)[candidates] == sketch
            similarity = (equal.mean(axis=1) - 1 / 256) / (1 - 1 / 256)  # one byte in 256 is equal by chance
            best = int(similarity.argmax())
            if similarity[best] >= self._threshold:
                return self._ids[candidates[best]]
        self._add(sample.id, sketch, slots)
        return None

    def _minima(self, sample: Sample) -> np.ndarray:
        sketch = self._empty.copy()
        # Marked by field, so that a pair turned round is another sample.
        sketch.update_batch(
            [f"query {shingle}".encode() for shingle in _shingles(sample.query, sample.language)]
            + [f"positive {shingle}".encode() for shingle in _shingles(sample.positive, sample.language)]
        )
        return sketch.hashvalues

    def _sharing_a_slot(self, slots: list[int]) -> list[int]:
        """Numbers of the earlier samples with a band in one of `slots`."""
        found: set[int] = set()
        for slot in slots:
            place = self._latest[slot]
            while place:
                found.add((place - 1) // len(slots))
                place = self._before[place]
        return sorted(found)

    def _add(self, sample_id: str, sketch: np.ndarray, slots: list[int]) -> None:
        self._ids.append(sample_id)
        self._sketches += sketch.tobytes()
        for slot in slots:
            self._before.append(self._latest[slot])
            self._latest[slot] = len(self._before) - 1


def _shingles(text: str, language: str) -> list[str]:
    words = units(text, language)
    return [" ".join(words[start : start + SHINGLE]) for start in range(max(1, len(words) - SHINGLE + 1))]


def _rows_per_band(threshold: float) -> int:
    """The most values a band may have, and so the fewest bands and false candidates, for `RECALL` at the threshold."""
    for rows in (16, 8, 4, 2):
        if 1 - (1 - threshold**rows) ** (PERMUTATIONS // rows) >= RECALL:
            return rows
    return 1
