"""What a fake coordinator hands over as evidence, and the lies it can tell with it."""

from protocols.identity import PartnerId
from protocols.messages import Phase, Submission
from protocols.participation import PAGE, Participation, Participations
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


def participations(coordinator: FakeCoordinator, member: PartnerId, after: tuple[int, int]) -> Participations:
    """What one member sent itself, but for the attempts that this coordinator hides."""
    found = []
    for attempt in coordinator.attempts:
        at = (attempt.config.round, attempt.config.attempt)
        own = [attempt.messages.get((phase, member)) for phase in (Phase.ADVERTISE, Phase.MASK)]
        if at > after and own[0] is not None and at not in coordinator.hidden:
            messages = tuple(item for sent in own if sent is not None for item in sent.items)
            if at in coordinator.hides_headers:
                messages = messages[:1]
            found.append(Participation(config=attempt.config, messages=messages))
    return Participations(attempts=(*found[:PAGE], *coordinator.invented[: PAGE if not found else 0]))


def find(coordinator: FakeCoordinator, number: int, attempt: int) -> Attempt:
    """The attempt of that number, unless the coordinator keeps it to itself."""
    if coordinator.keeps_evidence_back:
        raise Refused(problem("evidence-gone", 404))
    return next(a for a in coordinator.attempts if (a.config.round, a.config.attempt) == (number, attempt))
