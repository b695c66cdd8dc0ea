"""Real nodes on real homes beside a fake coordinator: what every daemon test starts from."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from participant.home import Home
from participant.intake import read
from participant.node import Node, open_node
from participant.settings import (
    CourierSwitch,
    ExchangeSettings,
    PolicySettings,
    Settings,
    TrainingSettings,
)
from participant.store.membership import Member, Membership
from participant.store.schema import open_database
from protocols.service import tls
from protocols.service.clock import ManualClock
from protocols.service.unit_of_work import transaction
from tests.participant.asked import NOW, SPRING, SUMMER, WORDS, consortium
from tests.participant.fake_coordinator import CONSORTIUM, Company, FakeCoordinator
from tests.participant.fake_link import FakeLink

Four = tuple[FakeCoordinator, list[Node], ManualClock]
"""The coordinator, its nodes, and everybody's clock."""

AUTHORITY = tls.make_authority("Test consortium", NOW)
PERMISSIVE = PolicySettings(
    minimum_cohort=3, customers_floor=2, accept_company_differencing=True, accept_two_expose_the_third=True
)


def settings(**parts: object) -> Settings:
    """Settings for tests: a small cohort, no courier, differencing accepted by name."""
    given: dict[str, object] = {
        "policy": PERMISSIVE,
        "courier": CourierSwitch(mode="off"),
        "exchange": ExchangeSettings(poll_s=1, fallback_after_s=0.01),
        "training": TrainingSettings(),
    }
    return Settings(**(given | parts))  # type: ignore[arg-type]


def found_home(root: Path, company: Company, *, coordinator_url: str = "https://127.0.0.1:1") -> Home:
    """A home that has joined; its officer has not looked at a roster yet."""
    home = Home(root=root)
    home.make()
    home.keep_identity(company.seed)
    home.switch.write_bytes(b"open")
    request = tls.make_request(company.name)
    home.tls_key.write_bytes(request.key)
    home.authority.write_bytes(AUTHORITY.certificate)
    home.certificate.write_bytes(tls.issue_client(AUTHORITY, request.certificate, company.id, NOW))
    db = open_database(home.database)
    with transaction(db) as connection:
        Membership(connection).join(
            Member(
                partner=company.id,
                name=company.name,
                consortium=CONSORTIUM,
                coordinator_url=coordinator_url,
                joined_at=NOW,
            )
        )
    db.dispose()
    return home


def start(
    root: Path, company: Company, coordinator: FakeCoordinator, clock: ManualClock, **parts: object
) -> Node:
    """Open (or reopen) the node of ``company``, with the roster accepted."""
    home = Home(root=root) if root.exists() else found_home(root, company)
    link = FakeLink(coordinator, company.id)
    node = open_node(home, settings(**parts), link=link, clock=clock)  # type: ignore[arg-type]
    node.door.recover()
    if node.rosters.in_force() is None:
        node.rosters.accept(node.rosters.offer().hash.hex())
        node.rosters.refresh()
        node.standing.renew_vocabulary()
    return node


def sell(node: Node, folder: Path, baskets: Mapping[str, Sequence[tuple[int, str]]]) -> None:
    """Import purchases: customer -> (unix second, word) lines."""
    folder.mkdir(exist_ok=True)
    words = list(WORDS.concepts)
    catalogue, sales = folder / "catalogue.parquet", folder / "sales.parquet"
    pq.write_table(pa.table({"item": [w.lower() for w in words], "concept": words, "name": words}), catalogue)
    lines = [(customer, at, word.lower()) for customer, bought in baskets.items() for at, word in bought]
    pq.write_table(
        pa.table(
            {
                "customer": [line[0] for line in lines],
                "item": [line[2] for line in lines],
                "basket": [f"{line[0]}-{line[1]}" for line in lines],
                "time": [line[1] for line in lines],
                "quantity": [1] * len(lines),
            }
        ),
        sales,
    )
    read([sales], home=node.home.root, engine=node.db, catalogue=[catalogue], now=NOW)


def shop(seed: int, customers: int = 8) -> dict[str, list[tuple[int, str]]]:
    """Plausible purchases: everybody buys two or three words in spring, some something new later."""
    rng = np.random.default_rng(seed)
    baskets: dict[str, list[tuple[int, str]]] = {}
    for number in range(customers):
        words = rng.permutation(list(WORDS.concepts))
        baskets[f"c{number}"] = [
            (SPRING + number, str(words[0])),
            (SPRING + 1000 + number, str(words[1])),
            (SUMMER + 1000 + number, str(words[2])),
        ]
    return baskets


def template(root: Path, count: int) -> Path:
    """Homes of ``count`` companies that have joined and imported their sales, to be copied by tests."""
    coordinator, members, clock = consortium(count)
    for number, company in enumerate(members):
        node = start(root / company.name, company, coordinator, clock)
        sell(node, root.parent / f"{root.name}-sales-{number}", shop(number))
        node.db.dispose()
    return root


def started(homes: Path, folder: Path, parts: Sequence[dict[str, object]]) -> Four:
    """Nodes on copies of ``homes`` in ``folder``, one for each of ``parts`` (settings that differ)."""
    coordinator, members, clock = consortium(len(parts))
    shutil.copytree(homes, folder / "homes")
    made = [
        start(folder / "homes" / member.name, member, coordinator, clock, **part)
        for member, part in zip(members, parts, strict=True)
    ]
    return coordinator, made, clock
