"""What a fake coordinator hands over as evidence, and the lies it can tell with it."""

from protocols.identity import PartnerId
from protocols.messages import Phase, Submission
from protocols.secure_sum.recomputation import Evidence
from protocols.service.problems import Refused
from tests.participant.fake_coordinator import Attempt, FakeCoordinator, problem


def evidence(coordinator: FakeCoordinator, number: int, attempt: int) -> Evidence:
    """The signed messages of one attempt."""
    here = find(coordinator, number, attempt)
    return Evidence(
        config=here.signed,
        ads=here.items(Phase.ADVERTISE),
        members=here.u2,
        headers=here.headers,
        answers=here.items(Phase.UNMASK),
    )


def bundles(coordinator: FakeCoordinator, number: int, attempt: int, dealer: PartnerId) -> Submission:
    """What one member dealt."""
    return find(coordinator, number, attempt).messages[Phase.SHARE, dealer]


def masked_vector(
    coordinator: FakeCoordinator, number: int, attempt: int, member: PartnerId, offset: int, count: int
) -> bytes:
    """A part of one member's masked vector."""
    return find(coordinator, number, attempt).vectors[member][offset : offset + count]


def find(coordinator: FakeCoordinator, number: int, attempt: int) -> Attempt:
    """The attempt of that number, unless the coordinator keeps it to itself."""
    if coordinator.keeps_evidence_back:
        raise Refused(problem("evidence-gone", 404))
    return next(a for a in coordinator.attempts if (a.config.round, a.config.attempt) == (number, attempt))
