"""Fixes what would make two machines disagree in the last bit: threads, instruction sets, BLAS code paths."""

import os

from stages.shared.settings import Runtime

# Read once by numpy, OpenBLAS, MKL, oneDNN and ATen when they are loaded, so `pin` must run before any of them is.
_AVX2 = {
    "ATEN_CPU_CAPABILITY": "avx2",
    "MKL_CBWR": "AVX2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "DNNL_MAX_CPU_ISA": "AVX2",
    "OPENBLAS_CORETYPE": "Haswell",
    "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR",  # numpy's log and exp differ there in the last bit
}


def pin(runtime: Runtime) -> None:
    """Set the environment that `runtime` asks for. Call before numpy or torch is imported."""
    threads = str(runtime.threads)
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = threads
    os.environ["MKL_DYNAMIC"] = "FALSE"
    os.environ["OMP_DYNAMIC"] = "FALSE"
    # Threads that spin while they wait slow each other several times over on a machine with other work.
    os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
    # A short spin bridges the gap from one operation to the next, which is a fifth of a training step.
    os.environ["GOMP_SPINCOUNT"] = "3000"
    # oneDNN keeps code and workspace for each shape of a bfloat16 product, over a GiB where no two batches are alike.
    os.environ.update({"ONEDNN_PRIMITIVE_CACHE_CAPACITY": "32", "LRU_CACHE_CAPACITY": "32"})
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    # Arrow's own allocators keep for good what they once held.
    os.environ["ARROW_DEFAULT_MEMORY_POOL"] = "system"
    os.environ["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"
    if runtime.instruction_set == "avx2":
        os.environ.update(_AVX2)
    if runtime.offline:
        os.environ.update({"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"})
    if runtime.device == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""


def pin_torch(runtime: Runtime, seed: int) -> None:
    """The part that only the packages can set: thread count, deterministic kernels, the seed; no bars over shards."""
    import torch
    import transformers

    transformers.utils.logging.disable_progress_bar()  # downloads have a bar of their own
    torch.set_num_threads(runtime.threads)
    torch.use_deterministic_algorithms(True, warn_only=runtime.device != "cpu")
    # That also fills new tensors with NaN, to show reads of unwritten memory: a sixth of a bf16 step.
    torch.utils.deterministic.fill_uninitialized_memory = False
    torch.manual_seed(seed)
