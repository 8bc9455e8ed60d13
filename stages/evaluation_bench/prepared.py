"""A mirror's data converted before anything is measured: `python -m stages.evaluation_bench.prepared`."""

from stages.evaluation_bench import speed_work
from stages.evaluation_bench.work import serve
from stages.shared.settings import Settings


def run(settings: Settings, *, mirror: str, tasks: list[dict]) -> dict:  # noqa: ARG001
    """Loads the tasks, for which `datasets` keeps converted copies."""
    for one in speed_work.listed(mirror, tasks):
        for part in one.parts:
            part.load_data()
    return {}


if __name__ == "__main__":
    serve(run, torch=False)
