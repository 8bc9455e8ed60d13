"""The bars of this bench: what its figures must be."""

from benching.bars import Bar

BARS = (
    # B=1 H=8 N=4096 d=64, float32 on the CPU: the torch backend over the reference, which holds the matrix
    Bar("cpu-forward-to-eager", "<=", 1.0),
    Bar("cpu-backward-to-eager", "<=", 1.0),
    Bar("cpu-memory-to-eager", "<=", 1 / 8),  # extra memory, forward and backward
    # B=8 H=32 Hkv=8 d=128, bfloat16 on a GPU: time of the triton backend over that of flash attention of the same layer
    Bar("gpu-512-forward-to-sdpa", "<=", 1.2),
    Bar("gpu-512-forward-with-lse-to-sdpa", "<=", 0.7),
    Bar("gpu-512-backward-to-sdpa", "<=", 1.5),
    Bar("gpu-512-memory-planes", "<=", 8),  # extra memory in float32 planes of (B, H, N)
    Bar("gpu-4096-forward-to-sdpa", "<=", 1.2),
    Bar("gpu-4096-forward-with-lse-to-sdpa", "<=", 0.7),
    Bar("gpu-4096-backward-to-sdpa", "<=", 1.5),
    Bar("gpu-4096-memory-planes", "<=", 8),
    # time of eager attention's matrix and ATA's sums over it, over that of the triton backend
    Bar("gpu-4096-eager-to-forward", ">=", 5),
    Bar("gpu-4096-eager-to-forward+backward", ">=", 5),
    # a 32-layer Mistral on a GPU, from token ids to embeddings: with ATA pooling over with mean pooling
    Bar("gpu-512-encode-to-mean", "<=", 1.02),
    Bar("gpu-4096-encode-to-mean", "<=", 1.02),
)
