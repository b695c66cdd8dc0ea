"""Which column is which: explicit names first, then guesses from names that shops really use.

>>> mapping = guess(
...     ("household_id", "basket_id", "product_id", "quantity", "transaction_timestamp"), TRANSACTIONS
... )
>>> mapping["customer"], mapping["item"], mapping["time"]
('household_id', 'product_id', 'transaction_timestamp')
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from participant.intake.faults import UnknownColumn

GUESSES: Final[Mapping[str, tuple[str, ...]]] = {
    "customer": (
        "customer",
        "customer_id",
        "household_id",
        "user_id",
        "user_pseudo_id",
        "client_id",
        "member_id",
    ),
    "item": ("item", "item_id", "product_id", "sku", "article_id", "gtin"),
    "basket": ("basket", "basket_id", "transaction_id", "order_id", "receipt_id", "invoice_id"),
    "time": (
        "time",
        "transaction_timestamp",
        "event_timestamp",
        "timestamp",
        "purchased_at",
        "event_date",
        "date",
        "datetime",
    ),
    "quantity": ("quantity", "qty", "units", "item_quantity"),
    "store": ("store", "store_id", "shop_id", "branch_id", "location_id"),
    "paid": ("paid", "amount", "sales_value", "line_total", "revenue"),
    "reduction": ("reduction", "discount", "retail_disc", "discount_amount"),
    "coupon": ("coupon", "coupon_disc", "coupon_amount"),
    "concept": ("concept", "product_type", "item_category3", "item_category2"),
    "name": ("name", "item_name", "product_name", "title", "description", "product_type"),
    "brand": ("brand", "item_brand", "manufacturer"),
    "category": ("category", "item_category", "product_category", "department"),
    "since": ("since", "valid_from", "start_date", "week_start"),
    "until": ("until", "valid_until", "end_date", "week_end"),
    "display": ("display", "display_location"),
    "leaflet": ("leaflet", "mailer", "mailer_location", "flyer"),
    "price": ("price", "list_price", "shelf_price", "regular_price"),
    "day": ("day", "date"),
    "weather": ("weather",),
    "temperature": ("temperature", "temperature_max", "tmax"),
    "rain": ("rain", "precipitation", "rainfall"),
    "location": ("location", "place", "kind_of_place"),
    "event": ("event", "local_event", "holiday"),
}
"""Names tried in this order, compared without case: plain names, Complete Journey, GA4."""

TRANSACTIONS: Final = {
    "customer": True,
    "item": True,
    "time": True,
    "quantity": True,
    "basket": False,
    "store": False,
    "paid": False,
    "reduction": False,
    "coupon": False,
}
"""Fields of a transaction row and whether they must be there."""

CATALOGUE: Final = {"item": True, "concept": False, "name": False, "brand": False, "category": False}
"""Fields of a catalogue row and whether they must be there."""

SHELF: Final = {
    "item": True,
    "store": True,
    "since": True,
    "until": False,
    "display": False,
    "leaflet": False,
    "price": False,
}
"""Fields of a shelf row and whether they must be there."""

SURROUNDINGS: Final = {
    "day": False,
    "store": False,
    "weather": False,
    "temperature": False,
    "rain": False,
    "location": False,
    "event": False,
}
"""Fields of a row about a day and a place; each row says for itself what is missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnMapping:
    """Column names given by hand; a field that is not named here is guessed.

    ``transactions``, ``catalogue``, ``shelf`` and ``surroundings`` map field names (see :data:`TRANSACTIONS`,
    :data:`CATALOGUE`, :data:`SHELF` and :data:`SURROUNDINGS`) to column names of the files.
    """

    transactions: Mapping[str, str] = field(default_factory=dict)
    catalogue: Mapping[str, str] = field(default_factory=dict)
    shelf: Mapping[str, str] = field(default_factory=dict)
    surroundings: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for given, fields in (
            (self.transactions, TRANSACTIONS),
            (self.catalogue, CATALOGUE),
            (self.shelf, SHELF),
            (self.surroundings, SURROUNDINGS),
        ):
            for name in given:
                if name not in fields:
                    raise UnknownColumn(
                        expected="one of the fields " + ", ".join(fields),
                        came=f"{name!r}",
                        do="write the mapping as field=column",
                    )

    @classmethod
    def parse(cls, pairs: Iterable[str]) -> "ColumnMapping":
        """Read ``field=column`` pairs, by default of the sales and the catalogue.

        ``catalogue.``, ``shelf.`` or ``surroundings.`` before a field names a column of those files.

        Raises:
            UnknownColumn: a pair without ``=`` or with an unknown field.

        >>> found = ColumnMapping.parse(
        ...     ["customer=cid", "catalogue.item=sku", "concept=type", "shelf.item=ean", "rain=mm"]
        ... )
        >>> found.transactions, found.catalogue, found.shelf, found.surroundings
        ({'customer': 'cid'}, {'item': 'sku', 'concept': 'type'}, {'item': 'ean'}, {'rain': 'mm'})
        """
        transactions: dict[str, str] = {}
        catalogue: dict[str, str] = {}
        shelf: dict[str, str] = {}
        surroundings: dict[str, str] = {}
        for pair in pairs:
            name, equals, column = pair.partition("=")
            if not equals or not column:
                raise UnknownColumn(expected="field=column", came=f"{pair!r}", do="name both sides")
            if name.startswith("surroundings.") or (name in SURROUNDINGS and name not in TRANSACTIONS):
                surroundings[name.removeprefix("surroundings.")] = column
            elif name.startswith("shelf.") or (name in SHELF and name not in TRANSACTIONS):
                shelf[name.removeprefix("shelf.")] = column
            elif name.startswith("catalogue.") or name not in TRANSACTIONS:
                catalogue[name.removeprefix("catalogue.")] = column
            else:
                transactions[name] = column
        return cls(transactions=transactions, catalogue=catalogue, shelf=shelf, surroundings=surroundings)


def guess(
    columns: Iterable[str], fields: Mapping[str, bool], given: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Return the column of every field that is given or can be guessed.

    Raises:
        UnknownColumn: a named column is not in the file, or a required field has no column.
    """
    present = list(columns)
    by_lower = {column.lower(): column for column in reversed(present)}
    found: dict[str, str] = {}
    for name, required in fields.items():
        wanted = (given or {}).get(name)
        if wanted is not None:
            if wanted not in present:
                raise UnknownColumn(
                    expected=f"a column {wanted!r} for {name}",
                    came="columns " + ", ".join(present),
                    do=f"map it by `--column {name}=COLUMN`",
                )
            found[name] = wanted
            continue
        match = next((by_lower[option] for option in GUESSES[name] if option in by_lower), None)
        if match is not None:
            found[name] = match
        elif required:
            raise UnknownColumn(
                expected=f"a column for {name}, such as {', '.join(GUESSES[name][:3])}",
                came="columns " + ", ".join(present),
                do=f"map it by `--column {name}=COLUMN`",
            )
    return found
