"""What suite 2 costs beside suite 1, in the same run: a node's phases, the coordinator's, and bytes.

    python -m tests.benchmarks.crypto_suites            cohorts of 5, 30, 100 and 1,000 (some minutes, 6 GB)
    python -m tests.benchmarks.crypto_suites 10 20      of these sizes; the others' last figures stay

writes ``results/crypto_suites.json`` and, made from it, ``results/crypto_suites.md``. A short vector, so that
the handshake is what is seen. The two suites take turns; CPU seconds of one process.
"""

import json
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import numpy as np
from cryptography.hazmat.backends.openssl.backend import backend
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from participant.entropy import encapsulate
from protocols.codec import encode
from protocols.identity import Signed
from protocols.messages import CLASSICAL, HYBRID, Phase, PhaseInput, Submission
from protocols.ring import encode_vector
from protocols.secure_sum import collector, contributor
from protocols.secure_sum.collector import context
from protocols.secure_sum.encapsulation import decapsulate, decapsulation_key, encapsulation_key
from protocols.secure_sum.play import cohort, configure
from protocols.secure_sum.states import Shared
from protocols.secure_sum.unmasking import combine
from tests.benchmarks import crypto_suites_table
from tests.benchmarks.crypto import MOST, provenance
from tests.benchmarks.crypto_client import SEED, question, randomness, threshold
from tests.benchmarks.crypto_crowd import Crowd
from tests.benchmarks.crypto_timing import REPEATS, cpu_s, repeats, spread

RESULT: Final = Path(__file__).parent / "results" / "crypto_suites.json"
COMMAND: Final = "python -m tests.benchmarks.crypto_suites"
COHORTS: Final = (5, 30, 100, 1000)
ALL_STEP: Final = 100
ELEMENTS: Final = 1000
LOST_EVERY: Final = 10
LOOPS: Final = 100
"""Calls of a primitive in one repeat."""


class Attempt:
    """One attempt of ``n`` members, a tenth of them lost after ShareKeys; the middle member is looked at.

    Beyond ``ALL_STEP`` members only that one steps, and the others are a crowd (``crypto_crowd``).
    """

    def __init__(self, n: int, suite: int) -> None:
        self.n, self.suite = n, suite
        self.players = cohort(n, SEED)
        self.config = configure(question(ELEMENTS, n), self.players, threshold(n), 3, suite)
        self.roll = {p.id: p.key.public for p in self.players}
        self.seen = n // 2
        self.left = [i for i in range(n) if i == self.seen or i % LOST_EVERY != LOST_EVERY // 2 - 1]
        self.words = encode_vector(np.zeros(ELEMENTS, dtype=np.int64), self.config.answer)
        made = [self.advertise(i) for i in range(n)]
        self.before = [state for state, _ in made]
        self.ads = [ad for _, ad in made]
        self.admitted = context(self.config, ads=self.ads)
        self.shared: dict[int, Shared] = {}
        if n <= ALL_STEP:
            self._everybody_steps()
        else:
            self._one_steps()

    def _everybody_steps(self) -> None:
        dealt = [self.share(i) for i in range(self.n)]
        self.shared |= {i: state for i, (state, _) in enumerate(dealt)}
        self._deal([items for _, items in dealt])
        masked = {i: self.mask(i) for i in self.left}
        headers = self._settle([header for _, header in masked.values()])
        said = {
            i: contributor.confirm(
                state,
                self.config,
                headers,
                key=self.players[i].key,
                roll=self.roll,
                rand=randomness(f"c{i}", contributor.RAND_CONFIRM),
            )
            for i, (state, _) in masked.items()
        }
        confirmations = [confirmation for _, confirmation in said.values()]
        self.answers = [
            contributor.unmask(
                state, self.config, confirmations, key=self.players[i].key, roll=self.roll, bound=()
            )[1]
            for i, (state, _) in said.items()
        ]

    def _one_steps(self) -> None:
        lost = [self.players[i].id for i in set(range(self.n)).difference(self.left)]
        crowd = Crowd(self.config, self.ads, [self.players[self.seen].id], lost)
        crowd.deal(self.before[self.seen], self._rand(self.seen))
        self.shared[self.seen], own = self.share(self.seen)
        self._deal(
            [own if i == self.seen else crowd.share(p, self.before[i]) for i, p in enumerate(self.players)]
        )
        left = [self.players[i] for i in self.left]
        self._settle([crowd.header(p, self.config.cohort) for p in left])
        self.answers = [crowd.answer(p, self.settled) for p in left]

    def _deal(self, dealt: list[tuple[Signed, ...]]) -> None:
        self.dealt = [self._submission(Phase.SHARE, items) for items in dealt]
        self.handed = collector.shares_by_recipient(self.dealt)

    def _settle(self, headers: list[Signed]) -> list[Signed]:
        self.settled = context(self.config, ads=self.ads, u2=[p.id for p in self.players], headers=headers)
        return headers

    def _rand(self, i: int) -> bytes:
        return randomness(f"s{i}", contributor.RAND_SHARE(self.n))

    def advertise(self, i: int) -> Any:
        """AdvertiseKeys of one member."""
        p, rand = self.players[i], randomness(f"a{i}", contributor.RAND_ADVERTISE)
        return contributor.advertise(self.config, p.id, p.key, counter=0, rand=rand)

    def share(self, i: int) -> Any:
        """ShareKeys of one member."""
        return contributor.share(
            self.before[i],
            self.config,
            self.ads,
            key=self.players[i].key,
            roll=self.roll,
            rand=self._rand(i),
            encapsulate=encapsulate,
        )

    def mask(self, i: int) -> Any:
        """MaskedInput of one member."""
        p = self.players[i]
        masking = contributor.begin_mask(self.shared[i], self.config, self.handed[p.id], roll=self.roll)
        chunk = contributor.mask_chunk(masking, self.config, 0, self.words)
        return contributor.seal_input(masking, self.config, [sha256(chunk).digest()], key=p.key)

    def admit_share(self) -> None:
        """The coordinator takes the bundles of one member."""
        collector.check_submission(
            self.config,
            Phase.SHARE,
            self.dealt[self.seen],
            self.players[self.seen].id,
            roll=self.roll,
            context=self.admitted,
        )

    def combine(self) -> None:
        """The coordinator recovers every secret and makes the seeds of all masks that have to go."""
        items = [item for each in self.dealt for item in each.items]
        combine(self.config, self.settled, self.answers, bundles=items)

    def steps(self) -> dict[str, Callable[[], object]]:
        """What is timed, by name."""
        i = self.seen
        return {
            "advertise": lambda: self.advertise(i),
            "share": lambda: self.share(i),
            "mask": lambda: self.mask(i),
            "admit_share": self.admit_share,
            "combine": self.combine,
        }

    def sizes(self) -> dict[str, int]:
        """Bytes that the member looked at sends and is handed, in the phases that the suite changes."""
        me = self.players[self.seen].id
        return {
            "advertisement_up": self._bytes(Phase.ADVERTISE, [self.ads[self.seen]]),
            "shares_up": len(encode(self.dealt[self.seen])),
            "advertisements_down": self._given(Phase.SHARE, self.ads),
            "shares_down": self._given(Phase.MASK, self.handed[me]),
        }

    def _submission(self, phase: Phase, items: Any) -> Submission:
        return Submission(round=1, attempt=1, phase=phase.value, items=tuple(items))

    def _bytes(self, phase: Phase, items: list[Signed]) -> int:
        return len(encode(self._submission(phase, items)))

    def _given(self, phase: Phase, items: Any) -> int:
        given = PhaseInput(round=1, attempt=1, phase=phase.value, items=tuple(items), reason="")
        return len(encode(given))


def compare(n: int) -> dict[str, Any]:
    """Both suites at one size, every step in turns."""
    both = {suite: Attempt(n, suite) for suite in (CLASSICAL, HYBRID)}
    found: dict[str, Any] = {
        "members": n,
        "lost": n - len(both[HYBRID].left),
        "stepped": len(both[HYBRID].shared),
    }
    found["steps"] = {}
    for name in both[HYBRID].steps():
        work = {suite: each.steps()[name] for suite, each in both.items()}
        longest_s = max(cpu_s(step) for step in work.values())
        pairs = [(cpu_s(work[CLASSICAL]), cpu_s(work[HYBRID])) for _ in range(repeats(longest_s))]
        more = [(hybrid - classical) / (n - 1) for classical, hybrid in pairs]
        found["steps"][name] = {
            "suite_1": spread([each for each, _ in pairs]),
            "suite_2": spread([each for _, each in pairs]),
            "more_a_pair": spread(more),
        }
    found["bytes"] = {f"suite_{suite}": each.sizes() for suite, each in both.items()}
    return found


def primitives() -> dict[str, Any]:
    """CPU seconds of one call of each primitive."""
    key = decapsulation_key(bytes(64))
    public, seed = encapsulation_key(key), bytes(range(64))
    sent = encapsulate(public)
    own, peer = (X25519PrivateKey.from_private_bytes(bytes([i]) * 32) for i in (1, 2))
    raw = peer.public_key().public_bytes_raw()
    calls: dict[str, Callable[[], object]] = {
        "X25519, agree": lambda: own.exchange(X25519PublicKey.from_public_bytes(raw)),
        "ML-KEM-768, keys from a seed": lambda: encapsulation_key(decapsulation_key(seed)),
        "ML-KEM-768, encapsulate": lambda: encapsulate(public),
        "ML-KEM-768, decapsulate": lambda: decapsulate(key, sent.ciphertext),
    }

    def many(call: Callable[[], object]) -> float:
        return cpu_s(lambda: [call() for _ in range(LOOPS)]) / LOOPS

    rounds = [{name: many(call) for name, call in calls.items()} for _ in range(REPEATS + 1)][1:]
    return {name: spread([each[name] for each in rounds]) for name in calls}


def main(words: list[str]) -> None:
    """Measure, and write both files."""
    sizes = [int(word) for word in words] or list(COHORTS)
    said = provenance("", MOST) | {"command": " ".join([COMMAND, *words])}
    said["versions"] |= {"openssl": backend.openssl_version_text()}
    before = json.loads(RESULT.read_text(encoding="utf-8"))["cohorts"] if words else []
    kept = [row for row in before if row["members"] not in sizes]
    measured = [compare(n) | {"provenance": said} for n in sizes]
    found = {
        "primitives": primitives() | {"provenance": said},
        "cohorts": sorted(kept + measured, key=lambda row: row["members"]),
    }
    RESULT.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    crypto_suites_table.write(RESULT)
    print(RESULT.with_suffix(".md").read_text(encoding="utf-8"))


if __name__ == "__main__":
    main(sys.argv[1:])
