"""`erase`: the receipt of an erasure in words, with what no erasure of this node reaches."""

from participant.commands.officer import say_closed, say_contained
from participant.commands.shown import out
from participant.erasing import Receipt
from protocols.service.clock import iso


def say(receipt: Receipt) -> None:
    """Print the receipt."""
    out.print(
        f"Erased, as of {iso(receipt.at)}: {receipt.rows:,} purchases, {receipt.rejected:,} rejected rows, and the id. "
        "Models were trained anew without them, and the older ones are deleted.",
        markup=False,
    )
    out.print(
        "A keyed hash of the id stays, so that no older export brings the customer back; what is bought later counts "
        "as a new customer's."
    )
    for closed in receipt.closed:
        say_closed(closed.questions, closed.rounds)
    say_contained(receipt.contained)
    out.print(
        "What they cost of the privacy budget stays spent." if receipt.contained or receipt.closed else ""
    )
    if not receipt.pages_settled:
        out.print(
            "Another process held the database: run this once more, so that it lets go of its old pages."
        )
    out.print(
        "Not in this node's hands: backups made before (delete them, or erase again after a restore), the files that "
        "purchases were read from, PostgreSQL's old rows and logs where the node uses it, and other systems of the shop.",
        markup=False,
    )
