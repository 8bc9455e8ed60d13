"""The bars of this bench: what its figures must be. The peer is sentence-transformers, in fp32 unless it is said."""

from benching.bars import Bar

BARS = (
    Bar("train_fp32", ">=", 2.3),  # our steps per second over the peer's
    Bar("train_bf16", ">=", 3.5),  # ours in bf16 over the peer's in fp32
    Bar("train_memory", "<=", 1.0),  # peak memory of our process, in fp32 or bf16, over the peer's in fp32
    Bar("encode_fp32", ">=", 1.4),  # our texts per second over the peer's
    Bar("encode_bf16", ">=", 2.2),  # ours in bf16 over the peer's in fp32
    Bar("padding", "<=", 0.05),  # share of padding in the tokens that our training computes
    Bar("gpu_utilisation", ">=", 0.45),  # on an H200, bf16: operations of the model over what the GPU can do
    Bar("ata_overhead", "<=", 1.03),  # on a GPU: a step's time with ATA pooling over that with mean pooling
)
