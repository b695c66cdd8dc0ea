"""What is looked at after a cell: the sum, the unmaskings and the whole audit log, from the stores themselves."""

import numpy as np

from coordinator.api import shapes
from coordinator.audit.verification import verify
from coordinator.home import Home as CoordinatorHome
from coordinator.releases.publishing import Payloads
from coordinator.rounds.spool import Spool
from coordinator.store.consortia import Consortia
from coordinator.store.submissions import Submissions
from participant.home import Home
from participant.store.outbox import Outbox
from participant.store.schema import open_database
from protocols.messages import Phase
from protocols.service.unit_of_work import engine, reading
from tests.matrix.stand import CONCEPTS, Stand


def exact(stand: Stand, view: shapes.RoundReply) -> bool:
    """Whether the released numbers are the sum of the survivors' own answers, to the last bit."""
    released = stand.admin.release(view.release)
    cells = released.readings[0]["gram"]  # type: ignore[index]
    upper = [cells[i][j] for i in range(len(CONCEPTS)) for j in range(i, len(CONCEPTS))]
    answers = {member.name: member.answer for member in stand.members} | {"Node": stand.own_answer}
    total = sum(answers[name] for name in released.survivors)
    return bool(np.array_equal(upper, np.asarray(total) / 2**24))


def unmaskings(stand: Stand, number: int, attempts: int) -> int:
    """How often this node's answer was unmasked: the larger of its outbox and the coordinator's store."""
    node, coordinator = (
        open_database(Home(root=stand.node_home).database),
        engine(stand.settings.database_url),
    )
    with reading(node) as connection:
        left = [
            record
            for record in Outbox(connection).recent(10_000)
            if record.round == number and record.kind == Phase.UNMASK.value
        ]
    with reading(coordinator) as connection:
        arrived = [
            attempt
            for attempt in range(1, attempts + 1)
            if stand.me in Submissions(connection, number, attempt).senders(Phase.UNMASK)
        ]
    node.dispose()
    coordinator.dispose()
    return max(len(left), len(arrived))


def audit(stand: Stand) -> list[str]:
    """What the verification of everything finds wrong."""
    db, place = engine(stand.settings.database_url), CoordinatorHome(folder=stand.home)
    with reading(db) as connection:
        consortium = Consortia(connection).get()
    checks = verify(db, consortium, Spool(folder=place.spool), Payloads(folder=place.releases))
    db.dispose()
    return [f"{check.what}: {check.problem}" for check in checks if check.problem]
