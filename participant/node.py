"""A node's parts, put together from its home and settings. Everything is passed down from here."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Engine

from participant import entropy
from participant.consortium import Caller, Consortium
from participant.courier_desk import CourierDesk
from participant.door import Door
from participant.erasing import Eraser
from participant.exchange import Exchange
from participant.fallback import Fallbacks, Patience
from participant.forgotten import Recollection
from participant.guard import Guard
from participant.home import Home
from participant.linear_desk import LinearDesk
from participant.nonbuyers.report import NonBuyersDesk
from participant.peer_counters import PeerCounters
from participant.preparation import Preparation
from participant.release_desk import ReleaseDesk
from participant.restoring import Restoring
from participant.roster_desk import RosterDesk
from participant.settings import Settings, database_url
from participant.standing import Standing
from participant.store.attempts import Attempts
from participant.store.membership import Member, Membership
from participant.store.outbox_mark import OutboxMark
from participant.store.records import Records
from participant.store.schema import open_database
from participant.training import Trainer
from participant.verdicts import Verdicts
from participant.verification import Verification
from protocols.identity import IdentityKey
from protocols.limits import MESSAGE_BYTES
from protocols.service import tls
from protocols.service.client import ServiceClient
from protocols.service.clock import Clock, SystemClock
from protocols.service.proxy import HttpProxy
from protocols.service.signing import SignedRequests
from protocols.service.unit_of_work import reading
from protocols.service.waiting import Bell

NONCE_BYTES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One node that has joined a consortium."""

    home: Home
    settings: Settings
    db: Engine
    clock: Clock
    bell: Bell
    member: Member
    link: Consortium
    door: Door
    rosters: RosterDesk
    standing: Standing
    records: Records
    releases: ReleaseDesk
    verification: Verification
    restoring: Restoring
    trainer: Trainer
    nonbuyers: NonBuyersDesk
    eraser: Eraser
    exchange: Exchange
    courier: CourierDesk

    def attempts_closed(self, limit: int = 5) -> tuple[str, ...]:
        """Why the newest attempts ended without an unmasking here, in words."""
        with reading(self.db) as connection:
            recent = Attempts(connection).recent(limit)
        return tuple(
            f"round {each.round}.{each.attempt}: {each.reason}" for each in recent if each.state == "Closed"
        )


def call_coordinator(
    home: Home, member: Member, key: IdentityKey, clock: Clock, proxy: HttpProxy | None = None
) -> ServiceClient:
    """The client of the partner API: TLS 1.3 with our certificate, every request signed."""
    context = tls.client_context(
        home.authority.read_text(encoding="ascii"), certificate=home.certificate, key=home.tls_key
    )
    nonce = partial(entropy.random_bytes, NONCE_BYTES)
    return ServiceClient(
        member.coordinator_url,
        tls=context,
        auth=SignedRequests(member.partner, key, clock, nonce),
        proxy=proxy,
        answer_bytes=MESSAGE_BYTES,
    )


def open_node(
    home: Home,
    settings: Settings,
    *,
    caller: Caller | None = None,
    link: Consortium | None = None,
    clock: Clock | None = None,
    random_bytes: Callable[[int], bytes] = entropy.random_bytes,
) -> Node:
    """Open the node in ``home``. ``caller`` or ``link`` replace the network in tests.

    Raises:
        NotJoined: the home holds no membership.
        BadCertificate, StorageUnavailable, BadInput: files that do not hold what they should.
    """
    clock = clock or SystemClock()
    home.make()
    db = open_database(database_url(settings, home))
    with reading(db) as connection:
        member = Membership(connection).get()
    key = home.identity_key()
    if link is None:
        link = Consortium(caller or call_coordinator(home, member, key, clock, settings.exchange.through))
    bell, policy = Bell(), settings.policy.policy()
    door = Door(
        paths=home.door,
        db=db,
        me=member.partner,
        key=key,
        policy=policy,
        clock=clock,
        entropy=random_bytes,
        encapsulate=entropy.encapsulate,
    )
    rosters = RosterDesk(db=db, link=link, me=member.partner, key=key, clock=clock)
    standing = Standing(db=db, link=link)
    records = Records(home.root, db, settings.calendar.calendar())
    verdicts = Verdicts(home.verdicts)
    verification = Verification(db=db, link=link, verdicts=verdicts, policy=policy, clock=clock)
    releases = ReleaseDesk(
        db=db,
        link=link,
        door=door,
        verification=verification,
        linear=LinearDesk(db=db, link=link, door=door, verdicts=verdicts, clock=clock),
        folder=home.releases,
        clock=clock,
    )
    trainer = Trainer(
        db=db,
        releases=releases,
        records=records,
        folder=home.models,
        clock=clock,
        settings=settings.training,
        questions=settings.policy.questions,
        guard=Guard(db=db, records=records, groups=settings.suggestions.deny, clock=clock),
    )
    patience = Patience(
        after_s=settings.exchange.fallback_after_s if settings.courier.mode != "off" else 0.0,
        share=settings.exchange.fallback_share,
    )
    peers = PeerCounters(home.peer_counters)
    restoring = Restoring(
        db=db,
        door=door,
        me=member.partner,
        policy=policy,
        mark=OutboxMark(db, home.mark),
        peers=peers,
        recollection=Recollection(
            db=db,
            link=link,
            records=records,
            policy=settings.policy.policy(),
            me=member.partner,
            own=key.public,
            consortium=member.consortium,
        ),
        clock=clock,
        entropy=random_bytes,
    )
    exchange = Exchange(
        link=link,
        door=door,
        peers=peers,
        rosters=rosters,
        standing=standing,
        preparation=Preparation(
            door=door,
            records=records,
            released=releases.read_as_sum,
            encoders=releases.encoders,
            square_max=settings.training.square_max,
        ),
        releases=releases,
        fallbacks=Fallbacks(patience),
        clock=clock,
        bell=bell,
        poll_s=settings.exchange.poll_s,
        backoff_max_s=settings.exchange.backoff_max_s,
    )
    return Node(
        home=home,
        settings=settings,
        db=db,
        clock=clock,
        bell=bell,
        member=member,
        link=link,
        door=door,
        rosters=rosters,
        standing=standing,
        records=records,
        releases=releases,
        verification=verification,
        restoring=restoring,
        trainer=trainer,
        nonbuyers=NonBuyersDesk(db=db, records=records, releases=releases, clock=clock),
        eraser=Eraser(home=home.root, db=db, door=door, trainer=trainer, clock=clock, entropy=random_bytes),
        exchange=exchange,
        courier=CourierDesk(
            home=home,
            settings=settings,
            link=link,
            exchange=exchange,
            coordinator=member.coordinator_url,
        ),
    )
