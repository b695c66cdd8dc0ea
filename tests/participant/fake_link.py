"""How one member reaches the fake coordinator."""

from collections.abc import Iterable, Mapping

from participant.consortium import Card, Delivery, ReleaseLine
from protocols import merkle
from protocols.codec import decode
from protocols.identity import PartnerId, Signed
from protocols.messages import Submission
from protocols.participation import Participations
from protocols.release import ReleaseManifest
from protocols.roster import SignedRoster
from protocols.secure_sum.recomputation import Evidence
from protocols.service.errors import Unreachable
from protocols.vocabulary import Vocabulary
from tests.participant import fake_evidence
from tests.participant.fake_coordinator import FakeCoordinator


class FakeLink:
    """One member's view of the fake, with the methods of ``participant.consortium.Consortium``."""

    def __init__(self, coordinator: FakeCoordinator, me: PartnerId) -> None:
        self.coordinator = coordinator
        self.me = me
        self.approvals: list[Signed] = []

    def card(self) -> Card:
        c = self._up()
        return Card(vocabulary=c.vocabulary.digest.hex())

    def roster(self, height: int | None = None) -> SignedRoster:
        return self._up().signed_roster

    def proposal(self) -> SignedRoster | None:
        self._up()
        return None

    def approve(self, approval: Signed) -> None:
        self.approvals.append(approval)

    def vocabulary(self, wanted: bytes) -> Vocabulary:
        return self._up().vocabulary

    def consistency(self, first: int, second: int) -> tuple[bytes, ...]:
        return merkle.consistency_proof(self._up().log[:second], first)

    def next(self, after: int, wait_s: int) -> Delivery | None:
        for attempt in self._up().attempts:
            given = self.coordinator.given(attempt, self.me)
            if attempt.sequence > after and given is not None:
                return Delivery(sequence=attempt.sequence, given=given)
        return None

    def submit(self, submission: Submission) -> None:
        self._up().submit(self.me, submission)

    def vector_bytes(self, round_number: int, attempt: int) -> int:
        return len(self._up().parts.get((self.me, round_number, attempt), b""))

    def put_vector(
        self,
        round_number: int,
        attempt: int,
        *,
        offset: int,
        sha256: bytes,
        size_bytes: int,
        parts: Iterable[bytes],
    ) -> int:
        """Keep a piece; the vector is handed on once it is whole."""
        return self._up().put_piece(self.me, (round_number, attempt), offset, b"".join(parts), sha256)

    def releases(self) -> tuple[ReleaseLine, ...]:
        manifests: Mapping[bytes, ReleaseManifest] = {
            r: decode(ReleaseManifest, signed.body) for r, (signed, _) in self._up().releases.items()
        }
        return tuple(
            ReleaseLine(release=r.hex(), round=m.round, attempt=m.attempt) for r, m in manifests.items()
        )

    def manifest(self, release: bytes) -> Signed:
        return self._up().releases[release][0]

    def payload(self, release: bytes) -> bytes:
        return self._up().releases[release][1]

    def evidence(self, round_number: int, attempt: int) -> Evidence:
        return fake_evidence.evidence(self._up(), round_number, attempt)

    def bundles(self, round_number: int, attempt: int, dealer: PartnerId) -> Submission:
        return fake_evidence.bundles(self._up(), round_number, attempt, dealer)

    def masked_vector(
        self, round_number: int, attempt: int, member: PartnerId, *, offset: int, count: int
    ) -> bytes:
        return fake_evidence.masked_vector(self._up(), round_number, attempt, member, offset, count)

    def participations(self, round_number: int, attempt: int) -> Participations:
        return fake_evidence.participations(self._up(), self.me, (round_number, attempt))

    def vote(self, release: bytes, vote: Signed) -> None:
        self._up().votes.append(vote)

    def close(self) -> None:
        self.coordinator.down = True

    def _up(self) -> FakeCoordinator:
        if self.coordinator.down:
            raise Unreachable(expected="an answer", came="silence", do="try again")
        return self.coordinator
