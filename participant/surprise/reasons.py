"""Why a suggestion is made: a code, a sentence, and a band of support; never a count or a company."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from protocols.errors import BadInput

TEXTS: Final[Mapping[str, Mapping[str, str]]] = {
    "loved-elsewhere": {
        "en": "Bought more often at other shops of the exchange than here, by people with a taste like yours.",
        "it": "Altrove si compra più spesso che qui, da persone con gusti simili ai tuoi.",
    },
    "goes-with": {
        "en": "Goes with {anchor}, which you buy here.",
        "it": "Va bene con {anchor}, che compri qui.",
    },
    "rarely-shown": {
        "en": "Few customers here have discovered it yet.",
        "it": "Qui l'hanno scoperto ancora in pochi.",
    },
    "newcomers-stay": {
        "en": "Newcomers who start with this product tend to come back for it.",
        "it": "Chi comincia da questo prodotto di solito torna a comprarlo.",
    },
    "new-here": {
        "en": "New in this shop.",
        "it": "Una novità in questo negozio.",
    },
    "described-like": {
        "en": "Described like what people with a taste like yours buy at the shops of the exchange.",
        "it": "Descritto come ciò che comprano persone con gusti simili ai tuoi nei negozi del gruppo.",
    },
    "described-popular": {
        "en": "Described like what sells well at the shops of the exchange.",
        "it": "Descritto come ciò che si vende bene nei negozi del gruppo.",
    },
    "described-here": {
        "en": "Described like what sells well in this shop.",
        "it": "Descritto come ciò che si vende bene in questo negozio.",
    },
    "popular-here": {
        "en": "A favourite of this shop's customers.",
        "it": "Tra i preferiti dei clienti di questo negozio.",
    },
}
"""Texts by code and language; ``{anchor}`` is one of the customer's own concepts."""

BANDS: Final = ((500, "very broad"), (100, "broad"), (20, "moderate"))
"""Lower limits of the support bands, in customers; below the last one the band is "early"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One reason. ``support_band`` is a word for how many customers stand behind it."""

    code: str
    text: str
    support_band: str


def reason(code: str, language: str, *, support: int, anchor: str = "") -> Reason:
    """The reason ``code`` in ``language`` ("en" or "it").

    Raises:
        BadInput: an unknown language.

    >>> reason("goes-with", "it", support=120, anchor="PANE")
    Reason(code='goes-with', text='Va bene con PANE, che compri qui.', support_band='broad')
    """
    texts = TEXTS[code]
    if language not in texts:
        raise BadInput(expected="language en or it", came=repr(language), do="choose one of them")
    return Reason(code=code, text=texts[language].format(anchor=anchor), support_band=band(support))


def band(support: int) -> str:
    """The word for ``support`` customers.

    >>> band(19), band(20), band(499), band(500)
    ('early', 'moderate', 'broad', 'very broad')
    """
    return next((word for least, word in BANDS if support >= least), "early")
