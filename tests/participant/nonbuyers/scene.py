"""A shop with two stores in which Ann is, for one concept each, in every state that there is; Bob's store is not known."""

from pathlib import Path

from sqlalchemy import Engine

from participant.intake import IntakeReport, ShelfReport, read, read_shelf
from participant.store.records import Records
from protocols.vocabulary import Vocabulary
from tests.participant.shop import DAY, node

UNTIL = 400 * DAY
EXPECTED = {
    "BRIE": "out-of-reach",
    "DAILY": "buys",
    "DEAL": "only-reduced",
    "GHOST": "not-stocked",
    "HIDDEN": "never-shown",
    "LATE": "never-shown",
    "MILK": "buys",
    "OLD": "lapsed",
    "ONCE": "tried-once",
    "PAIR": "buys",
    "POSTER": "shown-not-taken",
    "SNACK A": "buys",
    "SNACK B": "buys",
    "SNACK C": "only-reduced",
    "YOGURT": "substitute",
}
"""Ann's state for every concept."""

VOCABULARY = Vocabulary.of("a scene", EXPECTED)
CATEGORIES = dict.fromkeys(("BRIE", "MILK", "YOGURT"), "DAIRY") | dict.fromkeys(
    ("SNACK A", "SNACK B", "SNACK C"), "SNACKS"
)
PRICES = {"BRIE": 9.0, "YOGURT": 1.2}

Line = tuple[str, str, int, str, float, float]
"""Customer, concept, day, store, paid, taken off the price."""

ANN: tuple[Line, ...] = (
    *(("ann", "DAILY", day, "north", 2.0, 0.0) for day in (300, 330, 360, 390)),
    ("ann", "ONCE", 200, "north", 2.0, 0.0),
    *(("ann", "OLD", day, "north", 2.0, 0.0) for day in (190, 200)),
    *(("ann", "DEAL", day, "north", 2.0, 0.5) for day in (350, 360, 390)),
    *(("ann", "PAIR", day, "north", 2.0, 0.5) for day in (380, 390)),
    *(("ann", "MILK", day, "north", 1.0, 0.0) for day in (340, 350, 360, 370, 380)),
    *(("ann", f"SNACK {kind}", day, "north", 1.0, 0.2) for kind in "AB" for day in (360, 370, 380, 390)),
    *(("ann", f"SNACK {kind}", 350, "north", 1.0, 0.0) for kind in "AB"),
)
BOB: tuple[Line, ...] = (("bob", "MILK", 395, "", 1.0, 0.0), ("bob", "MILK", 398, "", 1.0, 0.0))


def write(folder: Path, lines: tuple[Line, ...]) -> tuple[Path, Path, Path]:
    """Sales, catalogue and shelf as CSV files."""
    folder.mkdir(parents=True, exist_ok=True)
    sales, catalogue, shelf = (folder / f"{name}.csv" for name in ("sales", "catalogue", "shelf"))
    sold = [
        f"{who},{concept.lower()},{who}-{day},{day * DAY},1,{store},{paid},{off}"
        for who, concept, day, store, paid, off in lines
    ]
    sales.write_text("customer,item,basket,time,quantity,store,paid,discount\n" + "\n".join(sold) + "\n")
    items = [f"{name.lower()},{name},{CATEGORIES.get(name, '')}" for name in EXPECTED]
    catalogue.write_text("item,concept,category\n" + "\n".join(items) + "\n")
    listed = [
        f"{name.lower()},{'south' if name == 'GHOST' else 'north'},0,{UNTIL},0,,{PRICES.get(name, 1.0)}"
        for name in EXPECTED
    ]
    shown = [
        f"poster,north,{388 * DAY},{395 * DAY},A,0,",  # Ann came on day 390
        f"late,north,{301 * DAY},{308 * DAY},0,D,",  # and not in this week
    ]
    shelf.write_text("item,store,since,until,display,mailer,price\n" + "\n".join(listed + shown) + "\n")
    return sales, catalogue, shelf


def scene(
    home: Path, lines: tuple[Line, ...] = (*ANN, *BOB), *, with_shelf: bool = True
) -> tuple[Records, Engine, IntakeReport, ShelfReport | None]:
    """The shop at ``home``, read in."""
    db = node(home)
    sales, catalogue, shelf = write(home / "files", lines)
    report = read([sales], home=home, engine=db, catalogue=[catalogue], now=UNTIL)
    listed = None
    if with_shelf:
        listed = read_shelf([shelf], home=home, engine=db, catalogue=[catalogue], now=UNTIL)
    return Records(home, db), db, report, listed
