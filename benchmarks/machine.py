"""What the figures were measured on."""

import os
import pathlib
import platform
import statistics
import tempfile
import time

_SYNCS = 50


def facts() -> dict[str, str]:
    """The size of the machine and what a durable write costs on it; takes a fraction of a second."""
    return {
        "cpus": str(len(os.sched_getaffinity(0))),
        "model": _model(),
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
        "kernel": platform.release(),
        "python": platform.python_version(),
        "fsync": f"{_fsync_microseconds():.0f} µs",
    }


def _model() -> str:
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return " ".join(line.partition(":")[2].split())
    return platform.machine()


def _fsync_microseconds() -> float:
    """The median of 8 KiB written and synced where the databases of the benchmark are; near 0 on a disk in memory."""
    spent = []
    with tempfile.NamedTemporaryFile() as file:
        for _ in range(_SYNCS):
            os.write(file.fileno(), b"\0" * 8192)
            began = time.perf_counter()
            os.fdatasync(file.fileno())
            spent.append(time.perf_counter() - began)
    return statistics.median(spent) * 1e6
