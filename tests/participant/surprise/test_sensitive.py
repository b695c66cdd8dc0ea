import numpy as np
import pytest

from participant.store.records_products import CatalogueLine, Product
from participant.surprise.sensitive import Sensitive
from participant.surprise.sensitive_words import WORDS, groups_of
from protocols.errors import BadInput
from protocols.vocabulary import Vocabulary


@pytest.mark.parametrize(
    ("name", "group"),
    [
        ("PREGNANCY TEST KITS", "pregnancy"),
        ("Test di gravidanza", "pregnancy"),
        ("BABY FOOD CEREALS", "minors"),
        ("Omogeneizzati alla frutta", "minors"),
        ("Pannolini", "minors"),
        ("TRADITIONAL VODKA(42 UNDER PRO", "alcohol"),
        ("Vino rosso", "alcohol"),
        ("ADULT ANALGESICS", "health"),
        ("Integratori alimentari", "health"),
        ("Sciroppo per la tosse", "health"),
        ("CIGARETTES", "tobacco"),
        ("Sigarette", "tobacco"),
        ("Profilattici", "health"),
        ("Pillola anticoncezionale", "health"),
        ("Assorbenti", "health"),
        ("Pannoloni per adulti", "health"),
        ("Aspirina", "health"),
        ("Prodotti per la gestazione", "pregnancy"),
        ("Alcoolici", "alcohol"),
        ("LAGERS", "alcohol"),
        ("Limoncello", "alcohol"),
        ("Biberon", "minors"),
        ("Nappies", "minors"),
        ("Svapo", "tobacco"),
    ],
)
def test_every_group_is_known_by_its_words_in_english_and_italian(name, group):
    assert group in groups_of(name)


@pytest.mark.parametrize(
    "name",
    [
        "BREAD",
        "Pane",
        "GINGER",
        "PILLOWS",
        "QSR PIZZA COLD",
        "KIDNEY BEANS",
        "ALMONDS",
        "Rumford",
        "Winegums",
    ],
)
def test_a_word_inside_another_is_no_match(name):
    assert groups_of(name) == ()


def test_an_unknown_category_with_a_matching_word_is_denied_by_default():
    assert Sensitive().denies("SOMETHING NEW", "CRAFT BEER CORNER", "")
    assert Sensitive().denies("SOMETHING NEW", "", "Baby's first rattle")
    assert not Sensitive(groups=()).denies("SOMETHING NEW", "CRAFT BEER CORNER", "")


def test_the_most_exact_ruling_counts():
    rules = Sensitive(rulings={"alcohol": True, "domestic wine": False, "box wines": True, "bread": False})
    assert not rules.denies("LAGER", "BEERS", "")
    assert rules.denies("ITALIAN WINES", "Domestic Wine", "")
    assert not rules.denies("Box wines", "DOMESTIC WINE", "")
    assert rules.denies("BREAD", "BAKERY", "")
    assert rules.denies("COUGH SYRUP", "ALCOHOL FREE", "")


def test_one_misfiled_item_denies_no_concept_and_half_of_them_do():
    words = Vocabulary.of("words", ["CREAMS", "SHAMPOO", "WINE", "UNSOLD BEER"])

    def line(concept, category, items):
        return CatalogueLine(concept=concept, category=category, name=concept, items=items)

    catalogue = [
        line("SHAMPOO", "HAIR", 9),
        line("SHAMPOO", "BABY HBC", 1),
        line("CREAMS", "FACE", 1),
        line("CREAMS", "BABY HBC", 1),
        line("WINE", "CELLAR", 5),
        line("not in the vocabulary", "BABY HBC", 5),
    ]
    denied = Sensitive().concepts(words, catalogue)
    assert [c for c, no in zip(words.concepts, denied, strict=True) if no] == [
        "CREAMS",
        "UNSOLD BEER",
        "WINE",
    ]


def test_a_concept_whose_product_here_is_sensitive_is_denied():
    starters = {
        0: Product(item_id="1", name="soap", starters=1, stayed=0, category="BABY HBC"),
        2: Product(item_id="2", name="soap", starters=1, stayed=0),
    }
    assert Sensitive().products(("SOAP", "SALT", "SUGAR"), starters).tolist() == [True, False, False]


def test_an_unknown_group_in_the_settings_is_refused():
    with pytest.raises(BadInput):
        Sensitive(groups=("health", "happiness"))
    assert set(Sensitive().groups) == set(WORDS)
    assert np.all(Sensitive(groups=("tobacco",)).concepts(Vocabulary.of("w", ["CIGARS"]), ()))
