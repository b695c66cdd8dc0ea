"""Words by which a sensitive category is known, in English and Italian.

Entries are separated by commas: a word stands for itself, ``word*`` for every word that begins so, several words
for themselves in a row. Case, accents and punctuation do not count. A list of words errs both ways: what it
denies wrongly the officer allows by name, what it misses the officer denies by name.

>>> groups_of("INFANT FORMULA SOY BASE"), groups_of("VARIETY BEANS - KIDNEY PINTO"), groups_of("Birre e vini")
(('minors',), (), ('alcohol',))
>>> groups_of("Prep foods (cold)"), groups_of("Cold and flu"), groups_of("Pillows")  # not "cold", not "pill*"
((), ('health',), ())
"""

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

WORDS: Final[Mapping[str, str]] = {
    "health": """
        acne, allerg*, analges*, anti acid*, antiacid*, antacid*, antibiotic*, bandage*, capsule tablet, cold and flu,
        cold flu, condom*, contracept*, contraccett*, convalescent, cough*, dandruff, diabet*, diet cntrl, diet control,
        diet nutrition, diet pills, dietary aid, dimagrant*, dosage, douche*, drugs, drugstore, elstc bndges, eye care, eye ear,
        emorroid*, farmac*, febbre, fem hygn*, fem yeast, feminine hygiene, first aid, firstaid, fitness diet, foot care, garze,
        glucos*, health, hearing, hemorrhoid*, homeopath*, hydrocort*, igiene intima, impotenz*, incontinen*, insulin*,
        integrator*, joint, lassativ*, laxativ*, linament*, liniment*, medic*, menstrual, mestrual*, nasal, nut supp,
        nutrition for adults, omeopat*, otc, personal test, pharma*, pill, pills, prescri*, preservativ*, primo soccorso,
        pronto soccorso, prophylactic*, psicofarm*, raffreddor*, rbr syrngs, restricted diet, rx, salute, sanitar*, sciroppo,
        sciroppi, sedativ*, sinus*, siring*, sleeping aid*, slimming, splints, stimulants, supplement*, syringe*, tampon*,
        termometr*, test kit*, testing kit*, thermometer*, tosse, vaccin*, vaporizer*, vitamin*, weight loss,
        adult toy*, anticoncezional*, antidolorific*, antihistamin*, antistaminic*, apparecchi acustici, apparecchio acustico,
        aspirin*, assorbent*, celiac*, cerott*, collirio, dentier*, erotic*, ibuprofen*, lubrificante intimo, melatonin*,
        morning after, pannolon*, paracetamol*, pillol*, profilattic*, sex, sexy, tachipirin*, viagra
        """,
    "pregnancy": """
        allattament*, breast pump*, breastfeed*, family planning, fertilit*, gestant*, gravidanz*, maternit*, midwif*,
        nursing, ostetric*, ovulation, ovulazion*, pregnan*, premam*, prenatal*, tiralatte,
        gestazion*, lactation
        """,
    "alcohol": """
        alcol*, alcohol*, ale, ales, amari, amaro, aperitiv*, beer*, birra, birre, bourbon*, brandy*, champagne, cider*,
        cocktails, cocktail mixes, cognac, enotec*, gin, grappa, grappe, lager, liqueur*, liquor*, malt liquor*, prosecco,
        rum, rums, schnapps, scotch, sidro, spirits, spumant*, stout, superalcol*, tequila, vermouth*, vini, vino, vodka*,
        vodkas, whisk*, wine, wines,
        alcool*, barolo, birrific*, champagnes, chianti, cognacs, gins, lagers, lambrusc*, limoncell*, pina colada, sambuca,
        sherry, spritz, stouts, vinell*
        """,
    "minors": """
        adolescen*, babies, baby*, bambin*, barbie, bebe, bimb*, boy, boys, child*, culla, diaper*, diapr, fisher price,
        giocattol*, girl, girls, infan*, junior, kid, kids, kinder*, lattant*, minorenn*, minori, minors, neonat*, newborn*,
        omogeneizzat*, pannolin*, passeggin*, pediatr*, preschool*, preshcool, ragazz*, school*, scolastic*, scuola, teen*,
        todd, toddler*, toy, toys,
        asilo, biberon, ciucci, ciuccio, nappies, nappy, pushchair*, succhiett*
        """,
    "tobacco": """
        cig, cigar*, nicotin*, sigar*, smoking, snuff, tabacc*, tobacco*, vape*, vaping,
        narghil*, svap*
        """,
}
"""Groups that are denied unless an officer says otherwise; tobacco, because advertising it is forbidden in the EU."""


@lru_cache(maxsize=200_000)
def groups_of(text: str) -> tuple[str, ...]:
    """The groups whose words are in ``text``, in the order of :data:`WORDS`."""
    said = plain(text)
    return tuple(group for group, pattern in _PATTERNS.items() if pattern.search(said))


def plain(text: str) -> str:
    """``text`` as it is compared: no accents, no case, no punctuation.

    >>> plain("Caffè & Tè,  BIO")
    'caffe te bio'
    """
    folded = unicodedata.normalize("NFKD", text.casefold())
    return " ".join(re.findall(r"[a-z0-9]+", "".join(c for c in folded if not unicodedata.combining(c))))


def _pattern(entries: str) -> re.Pattern[str]:
    """Matches any of the entries in a text that is :func:`plain`."""
    ways = [
        plain(entry) + (r"[a-z0-9]*" if entry.strip().endswith("*") else "") for entry in entries.split(",")
    ]
    return re.compile(r"\b(?:" + "|".join(ways) + r")\b")


_PATTERNS: Final = {group: _pattern(entries) for group, entries in WORDS.items()}
