"""The public commands, as a person would type them; every call is logged."""

import os
import shlex
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.local.faults import CommandFailed

BIN = Path(sys.executable).parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Commands:
    """Runs ``altrove-node`` and ``altrove-coordinator`` from this virtual environment.

    What a command with ``secret`` prints is not logged.
    """

    log: Path
    environment: Mapping[str, str]

    def coordinator(self, home: Path, *words: str, within_s: float = 120, secret: bool = False) -> str:
        """``altrove-coordinator --home HOME ...``; returns what it printed."""
        return self._run(coordinator_words(home, *words), within_s, secret=secret)

    def release_officer(self, *words: str) -> str:
        """``altrove-coordinator ...`` without a home, as on the release officer's machine."""
        return self._run((str(BIN / "altrove-coordinator"), *words), 120, secret=False)

    def node(self, home: Path, *words: str, within_s: float = 120, secret: bool = False) -> str:
        """``altrove-node --home HOME ...``; returns what it printed."""
        return self._run(node_words(home, *words), within_s, secret=secret)

    def measure(self, home: Path, test_until: int) -> str:
        """What ``deploy.local.measure`` prints for the node in ``home``."""
        words = (sys.executable, "-m", "deploy.local.measure", str(home), str(test_until))
        return self._run(words, 300, secret=False)

    def _run(self, words: Sequence[str], within_s: float, *, secret: bool) -> str:
        began = time.monotonic()
        # An invitation works once, but its secret still does not belong into a log.
        harmless = ["--invite=..." if word.startswith("--invite=") else word for word in words[1:]]
        shown = shlex.join([Path(words[0]).name, *harmless])
        try:
            done = subprocess.run(
                list(words),
                env={**os.environ, **self.environment},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=within_s,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise CommandFailed(
                expected=f"`{shown}` to end within {within_s:.0f} s", came="nothing", do=f"read {self.log}"
            ) from None
        with self.log.open("a") as log:
            log.write(f"$ {shown}   # exit {done.returncode} after {time.monotonic() - began:.1f} s\n")
            log.write(("(a secret, not logged)\n" if secret else done.stdout) + done.stderr)
        if done.returncode != 0:
            last = " ".join((done.stderr.strip() or done.stdout.strip()).split())[-600:]
            raise CommandFailed(expected=f"`{shown}` to succeed", came=last, do=f"read {self.log}")
        return done.stdout


def coordinator_words(home: Path, *words: str) -> tuple[str, ...]:
    """The command line of the coordinator's program."""
    return (str(BIN / "altrove-coordinator"), *_with_home(home, words))


def node_words(home: Path, *words: str) -> tuple[str, ...]:
    """The command line of the node's program."""
    return (str(BIN / "altrove-node"), *_with_home(home, words))


def _with_home(home: Path, words: Sequence[str]) -> tuple[str, ...]:
    return (*words, "--home", str(home))
