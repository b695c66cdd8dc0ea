"""All services of one coordinator, wired once from the settings and handed to the listeners."""

from dataclasses import dataclass

from sqlalchemy import Engine

from coordinator.audit.log import AuditWriter
from coordinator.audit.serving import EvidenceDesk
from coordinator.home import MIGRATIONS, Home
from coordinator.members.enrolment import Addresses, Enrolment
from coordinator.members.governance import Governance
from coordinator.members.registry import Registry
from coordinator.releases.checking import CheckBoards
from coordinator.releases.library import Library
from coordinator.releases.publishing import Payloads, Publisher
from coordinator.rounds.delivery import Delivery
from coordinator.rounds.dock import Dock
from coordinator.rounds.driver import Driver
from coordinator.rounds.news import News
from coordinator.rounds.planning import Planner
from coordinator.rounds.reception import Reception
from coordinator.rounds.settled import Settled
from coordinator.rounds.spool import Spool
from coordinator.rounds.vectors import Vectors
from coordinator.settings import Settings
from coordinator.store.consortia import Consortia, Consortium
from coordinator.store.rounds import Rounds
from protocols.service.clock import Clock
from protocols.service.migrations import upgrade
from protocols.service.unit_of_work import engine, reading


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What the edges need. Everything durable is in ``db``, the spool and the releases folder."""

    settings: Settings
    home: Home
    db: Engine
    clock: Clock
    consortium: Consortium
    registry: Registry
    enrolment: Enrolment
    governance: Governance
    planner: Planner
    reception: Reception
    vectors: Vectors
    delivery: Delivery
    driver: Driver
    dock: Dock
    library: Library
    audit: AuditWriter
    evidence: EvidenceDesk
    checks: CheckBoards
    spool: Spool
    payloads: Payloads
    news: News

    def close(self) -> None:
        """Let long polls go and close the database."""
        self.news.close()
        self.db.dispose()


def build(settings: Settings, clock: Clock) -> Services:
    """Open the database (migrating it if need be), load the keys and wire the services.

    Raises:
        NotInitialised: ``init`` has not been run on this home folder.
    """
    home = Home(folder=settings.home)
    key, authority = home.identity_key(), home.authority_pair()
    db = engine(settings.database_url)
    upgrade(db, MIGRATIONS)
    with reading(db) as connection:
        consortium = Consortia(connection).get()
    news, settled = News(), Settled()
    spool, payloads = Spool(folder=home.spool), Payloads(folder=home.releases)
    with reading(db) as connection:
        newest = [Rounds(connection).attempts(each.round)[-1] for each in Rounds(connection).open()]
    spool.sweep({(each.config.round, each.config.attempt) for each in newest if each.takes_vectors})
    audit = AuditWriter(consortium=consortium.consortium, key=key, clock=clock)
    registry = Registry(db, clock)
    planner = Planner(db, clock, key=key, audit=audit, news=news)
    addresses = Addresses(
        enrol_url=f"https://{settings.reached_at}:{settings.enrol_port}",
        partner_url=f"https://{settings.reached_at}:{settings.partner_port}",
    )
    return Services(
        settings=settings,
        home=home,
        db=db,
        clock=clock,
        consortium=consortium,
        registry=registry,
        enrolment=Enrolment(db, clock, authority=authority, addresses=addresses, registry=registry),
        governance=Governance(db, clock, key=key, audit=audit, registry=registry),
        planner=planner,
        reception=Reception(db, clock, audit=audit, settled=settled, news=news),
        vectors=Vectors(db, clock, spool=spool, news=news),
        delivery=Delivery(db),
        driver=Driver(
            db,
            clock,
            planner=planner,
            audit=audit,
            publisher=Publisher(key=key, audit=audit),
            payloads=payloads,
            spool=spool,
            settled=settled,
            news=news,
        ),
        dock=Dock(db, clock, spool=spool),
        library=Library(db, clock, audit=audit, payloads=payloads),
        audit=audit,
        evidence=EvidenceDesk(db, spool=spool),
        checks=CheckBoards(db, clock),
        spool=spool,
        payloads=payloads,
        news=news,
    )
