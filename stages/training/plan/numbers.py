"""Numbers as a reader of the plan wants them: three figures and a unit."""


def short(count: float) -> str:
    """1,234,567 as "1.23 M"."""
    for unit, name in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if count >= unit:
            return f"{count / unit:.3g} {name}"
    return f"{count:.3g}"


def size(count: float) -> str:
    """Bytes in MiB or, from 1 GiB on, in GiB."""
    mebibytes = count / 2**20
    return f"{mebibytes:,.1f} MiB" if mebibytes < 1024 else f"{mebibytes / 1024:,.1f} GiB"


def duration(seconds: float) -> str:
    """Seconds below 2 minutes, minutes below 2 hours, then hours."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
