"""`altrove-node appetite`: what is known of one customer, its removal, and consented questionnaires."""

from pathlib import Path
from typing import Annotated

import typer

from participant.verbs import DEFAULT_HOME, HomeOption, in_words, node_at

appetite = typer.Typer(
    help="How much of the unexpected a customer takes up: local, and removed on request.",
    no_args_is_help=True,
)

Customer = Annotated[str, typer.Argument(help="A customer's id in your own data.")]


@appetite.command(name="show")
@in_words
def appetite_show(
    customer: Customer,
    home: HomeOption = DEFAULT_HOME,
    language: Annotated[str, typer.Option("--language", help="en or it")] = "en",
) -> None:
    """What is known of a customer, in the words that the customer is shown."""
    from participant.commands import appetites

    appetites.show(node_at(home), customer, language)


@appetite.command(name="remove")
@in_words
def appetite_remove(customer: Customer, home: HomeOption = DEFAULT_HOME) -> None:
    """Forget a customer's answers and assume nothing from now on."""
    from participant.commands import appetites

    appetites.remove(node_at(home), customer)


@appetite.command(name="import")
@in_words
def appetite_import(
    source: Annotated[
        Path, typer.Argument(help="CSV with customer, consented_at, uniqueness, openness (1 to 5).")
    ],
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Take in answers of customers who agreed to this use; rows without a day of consent are refused."""
    from participant.commands import appetites

    appetites.take_in(node_at(home), source)
