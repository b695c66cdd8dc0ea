"""The companies of the demo: invented names, and one colour each that stays the same everywhere.

>>> [company.slug for company in companies(5)]
['alder', 'bellini', 'cortese', 'dunmore', 'esker']
>>> companies(7)[6].name
'Shop 7'
"""

from dataclasses import dataclass
from typing import Final

_NAMES: Final = ("Alder Market", "Bellini Foods", "Cortese Grocers", "Dunmore & Daughters", "Esker Fresh")
_COLOURS: Final = ("#3468b0", "#b9681b", "#2f8460", "#a1447a", "#736f20")
"""The consoles' colours, in the same order: by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    """One member of the demo: its place, name, folder name and colour."""

    place: int
    name: str
    slug: str
    colour: str

    @property
    def letter(self) -> str:
        """A, B, C ...: how the demo's sentences call it."""
        return chr(ord("A") + self.place) if self.place < 26 else str(self.place + 1)


def companies(count: int) -> tuple[Company, ...]:
    """The first ``count`` companies; beyond the fifth they are only numbered."""
    names = [*_NAMES, *(f"Shop {place + 1}" for place in range(len(_NAMES), count))][:count]
    return tuple(
        Company(
            place=place,
            name=name,
            slug=name.split()[0].lower() if place < len(_NAMES) else f"shop{place + 1}",
            colour=_COLOURS[place % len(_COLOURS)],
        )
        for place, name in enumerate(names)
    )
