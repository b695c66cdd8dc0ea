"""Podman and Buildah without a daemon, with images, containers and networks of their own for one test run.

A ``docker`` of the test's own stands first in PATH, so that the commands of the READMEs run as they are
written: ``docker build``, ``docker run``, ``docker compose``.
"""

import json
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

BIN = Path(sys.executable).parent
NEEDED: Final = ("buildah", "podman", "runc", "iptables", "ssh-keygen")
NETAVARK: Final = Path("/usr/lib/podman/netavark")
NOISE: Final = ("level=error", "level=warning", "failed to connect to syslog")
"""Podman's complaints about a machine without systemd and syslog."""


class Failed(AssertionError):
    """A command did not succeed; its last words are the message."""


def missing() -> str:
    """What has to be installed first, in words; empty when all is there."""
    lacking = [name for name in NEEDED if shutil.which(name) is None]
    lacking += [] if NETAVARK.exists() else ["netavark"]
    return f"not installed: {', '.join(lacking)} (make test-images installs them as root)" if lacking else ""


@dataclass(slots=True, kw_only=True)
class Engine:
    """Everything lies below ``folder``; nothing is shared with the machine's own Podman.

    Its path must be short: sockets lie deep below it, and a path of theirs has 107 bytes at most.
    """

    folder: Path
    environment: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        driver = "overlay" if self._overlay() else "vfs"
        files, processes = (
            resource.getrlimit(kind)[1] for kind in (resource.RLIMIT_NOFILE, resource.RLIMIT_NPROC)
        )
        files, processes = min(files, 65536), min(processes, 8192) if processes > 0 else 8192
        self._write(
            "storage.conf",
            f'[storage]\ndriver = "{driver}"\ngraphroot = "{self.folder}/storage"\nrunroot = "{self.folder}/run"\n',
        )
        self._write(
            "containers.conf",
            f'[containers]\ndefault_ulimits = ["nofile={files}:{files}", "nproc={processes}:{processes}"]\n'
            '[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\nruntime = "runc"\n'
            f'tmp_dir = "{self.folder}/tmp"\nvolume_path = "{self.folder}/volumes"\n'
            f'[network]\nnetwork_backend = "netavark"\nnetwork_config_dir = "{self.folder}/networks"\n',
        )
        self._write("bin/docker", SHIM.format(podman=shutil.which("podman"), compose=BIN / "podman-compose"))
        (self.folder / "bin" / "docker").chmod(0o755)
        self.environment = {
            **os.environ,
            "PATH": f"{self.folder}/bin{os.pathsep}{os.environ.get('PATH', '')}",
            "CONTAINERS_CONF": str(self.folder / "containers.conf"),
            "CONTAINERS_STORAGE_CONF": str(self.folder / "storage.conf"),
            "BUILDAH_ISOLATION": "chroot",
        }

    def podman(self, *words: str, within_s: float = 120, stdin: str = "") -> str:
        """``podman WORDS``; returns what it printed."""
        return self.run(("podman", *words), within_s=within_s, stdin=stdin)

    def shell(self, script: str, folder: Path, *, within_s: float) -> str:
        """Run a block of a README in ``folder``; the first command that fails ends it."""
        return self.run(("bash", "-euo", "pipefail", "-c", script), within_s=within_s, folder=folder)

    def run(
        self, words: Iterable[str], *, within_s: float, stdin: str = "", folder: Path | None = None
    ) -> str:
        """Run any command with this engine's environment; what it printed, without Podman's noise.

        Raises:
            Failed: it did not succeed in time.
        """
        words = tuple(words)
        shown = " ".join(words)[:200]
        try:
            done = subprocess.run(
                words,
                env=self.environment,
                cwd=folder or self.folder,
                input=stdin,
                capture_output=True,
                text=True,
                timeout=within_s,
                check=False,
            )
        except subprocess.TimeoutExpired as late:
            raise Failed(
                f"{shown}: not ended within {within_s:.0f} s: {late.stdout!r} {late.stderr!r}"
            ) from None
        if done.returncode != 0:
            raise Failed(
                f"{shown}: exit {done.returncode}\n{_quiet(done.stdout)[-4000:]}\n{_quiet(done.stderr)[-4000:]}"
            )
        return _quiet(done.stdout)

    def python(self, container: str, script: str, *words: str, within_s: float = 120) -> str:
        """Run a Python program inside a running container, as the container's user."""
        return self.podman("exec", "-i", container, "python", "-", *words, stdin=script, within_s=within_s)

    def inspect(self, name: str) -> dict[str, object]:
        """What Podman knows about a container or image."""
        found: list[dict[str, object]] = json.loads(self.podman("inspect", name))
        return found[0]

    def until(self, condition: Iterable[str], *, within_s: float) -> None:
        """Wait until a command succeeds."""
        words, end = tuple(condition), time.monotonic() + within_s
        while True:
            try:
                self.run(words, within_s=60)
            except Failed as not_yet:
                if time.monotonic() > end:
                    raise Failed(f"not within {within_s:.0f} s: {not_yet}") from None
                time.sleep(0.5)
            else:
                return

    def clear(self) -> None:
        """Remove containers, networks and volumes; images stay."""
        self.podman("rm", "--all", "--force", "--time", "5")
        self.podman("network", "prune", "--force")
        self.podman("volume", "rm", "--all", "--force")

    def close(self) -> None:
        """Remove everything that this engine made."""
        try:
            self.clear()
        finally:
            # Faster than removing image by image; the storage is bind-mounted on itself.
            for line in reversed(Path("/proc/self/mountinfo").read_text("utf-8").splitlines()):
                if (point := Path(line.split()[4])).is_relative_to(self.folder):
                    subprocess.run(("umount", str(point)), check=True)
            shutil.rmtree(self.folder)

    def _overlay(self) -> bool:
        """Whether this file system can lie below an overlay; copying every layer is the slow way out."""
        if os.getuid() != 0:
            return shutil.which("fuse-overlayfs") is not None
        probe = self.folder / "probe"
        for name in ("lower", "upper", "work", "merged"):
            (probe / name).mkdir(parents=True, exist_ok=True)
        options = f"lowerdir={probe}/lower,upperdir={probe}/upper,workdir={probe}/work"
        words = ("mount", "-t", "overlay", "overlay", "-o", options, str(probe / "merged"))
        works = subprocess.run(words, capture_output=True, check=False).returncode == 0
        if works:
            subprocess.run(("umount", str(probe / "merged")), check=True)
        shutil.rmtree(probe)
        return works

    def _write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


SHIM: Final = """#!/bin/sh
# Docker's commands, carried out without a daemon.
case $1 in
    compose) shift; exec {compose} "$@" ;;
    build) shift; exec {podman} build --layers --format docker --isolation chroot $ALTROVE_TEST_BUILD "$@" ;;
    *) exec {podman} "$@" ;;
esac
"""


def _quiet(text: str) -> str:
    return "".join(line for line in text.splitlines(keepends=True) if not any(n in line for n in NOISE))
