"""What is known of a customer's appetite, in words for that customer, in English and Italian."""

from collections.abc import Mapping
from typing import Final

from participant.appetite.appetites import Appetite
from participant.appetite.traits import TRAITS
from protocols.errors import BadInput

LEVELS: Final[Mapping[str, tuple[str, str, str]]] = {
    "en": (
        "From what you have bought here, we think that you seldom try the unexpected, and suggest it seldom.",
        "From what you have bought here, we think that you try the unexpected now and then.",
        "From what you have bought here, we think that you like to try the unexpected, and suggest more of it.",
    ),
    "it": (
        "Da quel che hai comprato qui pensiamo che provi di rado l'inatteso, e lo proponiamo di rado.",
        "Da quel che hai comprato qui pensiamo che ogni tanto provi l'inatteso.",
        "Da quel che hai comprato qui pensiamo che ti piaccia provare l'inatteso, e ne proponiamo di più.",
    ),
}
HABITS: Final[Mapping[str, Mapping[str, str]]] = {
    "en": {
        "exploration": "How much of what you bought lately was new to you: {third} here.",
        "breadth": "How many kinds of product you buy, beside others who buy as much: {third} here.",
        "earliness": "How early you take things up compared with others: {third} here.",
        "tail": "How much of what you buy is off the shop's beaten track: {third} here.",
    },
    "it": {
        "exploration": "Quanto di ciò che hai comprato di recente era nuovo per te: {third} qui.",
        "breadth": "Quanti tipi di prodotto compri, rispetto a chi compra altrettanto: {third} qui.",
        "earliness": "Quanto presto provi le cose rispetto agli altri: {third} qui.",
        "tail": "Quanto di ciò che compri è fuori dai soliti prodotti del negozio: {third} qui.",
    },
}
THIRDS: Final = {
    "en": ("in the lower third", "in the middle third", "in the upper third"),
    "it": ("nel terzo inferiore", "nel terzo di mezzo", "nel terzo superiore"),
}
ASKED: Final = {
    "en": "You answered a questionnaire, which is taken into account with your consent of {date}.",
    "it": "Hai risposto a un questionario, di cui si tiene conto con il tuo consenso del {date}.",
}
NOTHING: Final = {
    "en": "Nothing is known about how you like surprises, and nothing is assumed.",
    "it": "Non si sa nulla di quanto ti piacciano le sorprese, e nulla si suppone.",
}
KEPT: Final = {
    "en": "You answered a questionnaire, with your consent of {date}. It is kept, and nothing is assumed from it at present.",
    "it": "Hai risposto a un questionario, con il tuo consenso del {date}. È conservato, e per ora nulla se ne suppone.",
}
NO_DIAGNOSIS: Final = {
    "en": "This is a habit of buying in this shop and says nothing about your personality. It stays in this shop.",
    "it": "È un'abitudine d'acquisto in questo negozio e non dice nulla della tua personalità. Resta in questo negozio.",
}
HOW_TO_REMOVE: Final = {
    "en": "You can have this removed at any time: the shop then makes no assumption about how you like surprises.",
    "it": "Puoi farlo rimuovere in ogni momento: il negozio non supporrà più nulla su quanto ti piacciano le sorprese.",
}


def described(appetite: Appetite | None, language: str, *, consented: str = "") -> tuple[str, ...]:
    """Sentences for the customer; ``consented`` is the date of a questionnaire's consent, or empty.

    Raises:
        BadInput: an unknown language.
    """
    if language not in LEVELS:
        raise BadInput(expected="language en or it", came=repr(language)[:40], do="choose one of them")
    if appetite is None:
        return (KEPT[language].format(date=consented) if consented else NOTHING[language],)
    habits = (HABITS[language][name].format(third=THIRDS[language][appetite.thirds[name]]) for name in TRAITS)
    asked = (ASKED[language].format(date=consented),) if consented else ()
    return (LEVELS[language][appetite.level], *habits, *asked, NO_DIAGNOSIS[language])
