"""Peak memory of the Flower processes under this one, by role."""

import threading
from pathlib import Path
from typing import Self

import psutil

PERIOD_S = 0.2
ROLES = {
    "superlink.py": "superlink",
    "flower-superexec": "superexec",
    "flwr-serverapp": "serverapp",
    "flower-supernode": "supernode",
    "flwr-clientapp": "clientapp",
}


class PeakMemory:
    """Samples while the ``with`` block lasts; ``peak_mb`` is the largest peak RSS (VmHWM) per role.

    ``peak_uss_mb`` is the largest memory of a role's process that no other process shares, as sampled.

    VmHWM is kept by the kernel, so a sample late in a process's life has its peak; what a process
    allocates in its last 0.2 s may be missed. ``total_mb`` is the largest sum of RSS at one moment, which
    counts shared pages once for each process.
    """

    def __init__(self) -> None:
        self.peak_mb: dict[str, float] = {}
        self.peak_uss_mb: dict[str, float] = {}
        self.total_mb = 0.0
        self.processes = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="peak-memory")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(PERIOD_S):
            total, count = 0.0, 0
            for process in psutil.Process().children(recursive=True):
                try:
                    command = " ".join(process.cmdline()[:5])
                    total += process.memory_info().rss / 2**20
                    peak = peak_mb(process.pid)
                    own = process.memory_full_info().uss / 2**20
                except (psutil.Error, OSError):
                    continue
                count += 1
                for word, role in ROLES.items():
                    if word in command:
                        self.peak_mb[role] = max(self.peak_mb.get(role, 0.0), peak)
                        self.peak_uss_mb[role] = max(self.peak_uss_mb.get(role, 0.0), own)
            self.total_mb = max(self.total_mb, total)
            self.processes = max(self.processes, count)


def peak_mb(pid: int) -> float:
    """Largest RSS of a process so far, as the kernel keeps it."""
    with Path(f"/proc/{pid}/status").open(encoding="ascii", errors="replace") as status:
        for line in status:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    return 0.0
