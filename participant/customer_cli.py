"""``altrove-node opt-out`` and ``erase``: what a customer may ask for."""

from typing import Annotated

import typer

from participant.verbs import DEFAULT_HOME, HomeOption, JsonOption, in_words, node_at


@in_words
def opt_out(
    customer: Annotated[str, typer.Argument(help="A customer's id in your own data.")],
    home: HomeOption = DEFAULT_HOME,
    undo: Annotated[bool, typer.Option("--undo", help="Count the customer again from now on.")] = False,
) -> None:
    """Leave a customer out of every answer that has not been unmasked yet."""
    from participant.commands import officer

    officer.opt_out(node_at(home), customer, undo=undo)


@in_words
def erase(
    customer: Annotated[str, typer.Argument(help="A customer's id in your own data.")],
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Delete a customer from this node for good, with a receipt; may be repeated."""
    from participant.commands import erasure, shown

    receipt = node_at(home).eraser.erase(customer)
    if as_json:
        shown.as_json(receipt)
    else:
        erasure.say(receipt)
