"""The README's table of columns is the one that the intake guesses by."""

import re
from pathlib import Path

from participant import intake
from participant.intake.mapping import CATALOGUE, GUESSES, SHELF, SURROUNDINGS, TRANSACTIONS
from protocols.questions.moments import FACETS

README = Path(intake.__file__).with_name("README.md").read_text()


def rows(prefix):
    """Field -> (needed, column names) of the table's rows that start with ``prefix``."""
    found = re.findall(rf"^\| {prefix}`(\w+)` \| (yes|no) \| (.+) \|$", README, re.MULTILINE)
    return {name: (needed == "yes", tuple(names.split(", "))) for name, needed, names in found}


def test_the_readme_names_the_columns_of_sales_catalogue_and_shelf_that_are_guessed():
    assert rows("") == {name: (needed, GUESSES[name]) for name, needed in TRANSACTIONS.items()}
    catalogue = {name: (needed, GUESSES[name]) for name, needed in CATALOGUE.items()}
    assert rows("catalogue: ") == catalogue | {"item": (True, ("as above",))}
    shelf = {name: (needed, GUESSES[name]) for name, needed in SHELF.items()}
    assert rows("shelf: ") == shelf | dict.fromkeys(("item", "store"), (True, ("as above",)))


def test_the_readme_names_the_columns_and_words_of_surroundings():
    table = dict(re.findall(r"^\| `(\w+)` \| ([a-z_, ]+) \| .+ \|$", README, re.MULTILINE))
    guessed = {name: tuple(names.split(", ")) for name, names in table.items() if name in SURROUNDINGS}
    assert guessed == {name: GUESSES[name] for name in SURROUNDINGS}
    for kind in ("weather", "location", "event"):
        assert f"| {', '.join(FACETS[kind])} |" in README
