"""Each measured run is a process of its own, so that time and memory are its own."""

from dataclasses import asdict

from benching.processes import said

from stages.training_bench.work import ROOT, Work


def measured(client: str, task: str, work: Work) -> dict:
    """What the module `client` of this package says of `task` on `work`. Raises WrongResult if it fails."""
    return said(f"stages.training_bench.{client}", {"task": task, "work": asdict(work)}, folder=ROOT)
