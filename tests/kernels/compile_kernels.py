"""Compile each Triton kernel for a GPU that need not be there: `python -m tests.kernels.compile_kernels 90`.

Prints one JSON object a kernel: its name, shared memory in bytes, and how many loads are asynchronous.
"""

import json
import sys
from types import SimpleNamespace

import torch
import triton
from ata_pooling import triton_backward, triton_forward
from ata_pooling.triton_ops import _blocks, _sizes
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

ALIGNED = ("tokens", "hidden", "query_", "key_", "state_")


def compile_kernel(kernel, constants, blocks, capability):
    constants = {**constants, **{name: value for name, value in blocks.items() if name.startswith("BLOCK")}}
    signature, aligned = {}, {}
    for index, name in enumerate(kernel.arg_names):
        if name in constants:
            signature[name] = "constexpr"
        elif name.startswith(("p_query", "p_key", "p_state", "p_output")):
            signature[name] = "*bf16"
        elif name in ("p_real", "p_pooled"):
            signature[name] = "*u8"
        else:
            signature[name] = "*fp32" if name.startswith("p_") else "fp32" if name == "scale" else "i32"
        if name.startswith(("p_", *ALIGNED)):
            aligned[(index,)] = [["tt.divisibility", 16]]
    values = {(kernel.arg_names.index(name),): value for name, value in constants.items()}
    source = ASTSource(fn=kernel, signature=signature, constexprs=values, attrs=aligned)
    options = {name: blocks[name] for name in ("num_warps", "num_stages") if name in blocks}
    return triton.compile(source, target=GPUTarget("cuda", capability, 32), options=options)


def main(capability: int) -> None:
    query = SimpleNamespace(shape=(1, 1, 1, 128), dtype=torch.bfloat16)
    settings = {"CAUSAL": True, "WINDOW": 100, **_sizes(query)}
    kernels = {
        triton_forward.lse_kernel: (settings, _blocks(query, "lse")),
        triton_forward.columns_kernel: ({**settings, "LOG": True, "FACTORS": 8}, _blocks(query, "columns")),
        triton_forward.pool_kernel: ({}, {"BLOCK_N": 32, "BLOCK_D": 128}),
        triton_backward.rows_kernel: ({**settings, "LOG": True}, _blocks(query, "rows")),
        triton_backward.keys_kernel: ({**settings, "LOG": True}, _blocks(query, "keys")),
        triton_backward.unpool_kernel: ({}, {"BLOCK_N": 32, "BLOCK_D": 128}),
    }
    for kernel, (constants, blocks) in kernels.items():
        compiled = compile_kernel(kernel, constants, blocks, capability)
        found = {"wgmma": compiled.asm["ptx"].count("wgmma.mma_async"), "mma": compiled.asm["ptx"].count("mma.sync")}
        print(json.dumps({"kernel": kernel.fn.__name__, "shared": compiled.metadata.shared, **found}))


if __name__ == "__main__":
    main(int(sys.argv[1]))
