"""What only a GPU can show: how much of it training uses, and what ATA pooling adds to a step. Not written yet."""

from stages.training_bench.results import Options, Result


def run(options: Options) -> Result:
    """No figure, so that its bars read not-run."""
    options.step("gpu")
    table = [("figure", "what it will be")]
    table += [("gpu_utilisation", "on an H200 in bf16: operations of the model in a second over the GPU's peak")]
    table += [("ata_overhead", "a step's time with ATA pooling over that with mean pooling")]
    return Result("gpu: not run, this case is not written yet", [], table, [], {})
