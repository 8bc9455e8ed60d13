"""The bars of this bench: what its figures must be."""

from benching.bars import Bar

BARS = (
    Bar("latency-to-ideal", ">=", 0.95),  # 20,000 requests, 256 at once, each 1 s: their rate over 256/s
    Bar("core-to-loop", ">=", 0.80),  # on one core, no latency: our rate over that of a bare loop
    Bar("queue-peak-mib", "<=", 300),  # resident, with a million requests queued
    Bar("queue-growth-mib-per-100k", "<=", 5),  # resident, over the second half of the run: what flat means
    Bar("kills-asked-again", "<=", 0),  # requests asked though their answer was in the ledger
    Bar("kills-samples-missing-or-twice", "<=", 0),
    Bar("faults-answerable-arrived", ">=", 1),  # share of the answerable requests that gave a sample
    Bar("faults-miscounted", "<=", 0),  # failures that the client did not count as what the server did
    Bar("key-places", "<=", 0),  # files, streams and command lines in which the API key was found
    Bar("batch-samples-unlike-online", "<=", 0),  # rows of the samples file; 1 where only its bytes differ
)
