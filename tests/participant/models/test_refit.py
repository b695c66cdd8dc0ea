"""A forged answer to the newest sum, within every bound, lifts an item into all lists; what was judged serves instead."""

import numpy as np
import pytest

from participant.answers import AnswerContext, fill
from participant.encoders import encoder_named
from participant.intake import read
from participant.models import SCENARIOS, Exchange, Windows, load, newcomer_trial, save
from participant.models import train as training
from participant.models.gram import WholeGram
from participant.models.newcomer_trial import Contents
from participant.models.refit import DEPTHS, REACH, Comparison, Risen, share_of_lists
from participant.serving import Wish
from participant.store.records import Records
from participant.surprise import choosing
from participant.surprise.dial import Dial
from participant.surprise.judging import bold_orders
from participant.surprise.lists import POOL, pick, pool, seen
from participant.training import held_back
from protocols.errors import BadInput
from protocols.limits import FRACTION_BITS
from protocols.questions import ask
from protocols.questions import read as read_sum
from protocols.questions.taste import pack_triangle
from protocols.secure_sum.play import play
from protocols.vocabulary import Vocabulary
from tests.participant import loose_shop
from tests.participant.shop import DAY, NOW, node, write_sales

FIT, VALIDATION = 200 * DAY, 300 * DAY
WINDOWS = Windows(fit_until=FIT, validation_until=VALIDATION, customers_until=FIT)
WORDS = Vocabulary.of("many", [f"word {i:02d}" for i in range(90)])
CAP, ONE = 1_000, 1 << FRACTION_BITS
TARGET = 77
"""A concept that few buy, of the second of two tastes."""
DIMENSIONS = 256
KINDS = (
    "dry",
    "old",
    "pale",
    "dark",
    "mild",
    "strong",
    "tall",
    "short",
    "bright",
    "brown",
    "round",
    "flat",
    "rare",
)
LIFTED = "silver tea rare"


def lines_of(number):
    """60 customers of two tastes who buy over 300 days; the loose items as in `tests.participant.loose_shop`."""
    rng = np.random.default_rng(number)
    lines = [
        line for line in loose_shop.loose_lines(number) if "-" in line[1] and not line[1].startswith("item")
    ]
    for u in range(60):
        weights = np.where(np.arange(90) % 2 == u % 2, 4.0, 1.0) / (5 + np.arange(90))
        for n in range(60):
            concept, day = (
                int(rng.choice(90, p=weights / weights.sum())),
                int(rng.integers(1, 300)) if n else 1,
            )
            lines.append((f"c{u:03d}", f"item-{concept:02d}", f"b{u}-{n}", day * DAY + n, 1.0))
    return lines


@pytest.fixture(scope="module")
def shops(tmp_path_factory):
    """Three companies over 90 concepts and 26 loose texts."""
    made = []
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(loose_shop, "CONCEPTS", ())
        for name, kind in (("AMBER", "amber ale"), ("SILVER", "silver tea")):
            patched.setattr(loose_shop, name, tuple(f"{kind} {word}" for word in KINDS))
        for number in range(3):
            home = tmp_path_factory.mktemp("shop") / "home"
            db = node(home)
            sales = write_sales(home / "sales.parquet", lines_of(number))
            loose = loose_shop.catalogue_of(home / "loose.parquet", number)
            listed = home / "items.csv"
            rows = [f"item-{i:02d},{name},{name}" for i, name in enumerate(WORDS.concepts)]
            listed.write_text("\n".join(["item,concept,name", *rows, *_as_csv(loose)]) + "\n")
            read([sales], home=home, engine=db, catalogue=[listed], now=NOW)
            made.append((Records(home, db), db))
    yield [records for records, _ in made]
    for _, db in made:
        db.dispose()


def _as_csv(path):
    import pyarrow.parquet as pq

    return [f"{row['item']},,{row['name']}" for row in pq.read_table(path).to_pylist()]


def summed(shops, question, until, forged=None, **more):
    """The secure sum of everybody's answers; the last company answers ``forged`` if that is given."""
    values = {"until": until, "customers_until": FIT, "customers_cap": CAP, **more}
    spec = ask([(question, values)], WORDS, members=len(shops), epoch=str(until))
    contexts = [AnswerContext(records=records, vocabulary=WORDS, released=None) for records in shops]
    answers = [fill(question, spec.blocks[0].parameters, context) for context in contexts]
    if forged is not None:
        answers[-1] = forged(answers[-1])
    (reading,) = read_sum(spec, play(answers, spec=spec, seed=bytes(32)).sum, len(WORDS))
    return reading


def praise_of_a_concept(_honest):
    """All cells are counts that a company could have: everybody who buys anything buys TARGET as well."""
    said = np.zeros((len(WORDS), len(WORDS)), np.int64)
    said[TARGET, :] = said[:, TARGET] = CAP * ONE
    return pack_triangle(said)


def praise_of_a_text(honest):
    """The honest answer, and on top in the column of baskets as much of one text as its bound allows."""
    row = encoder_named("ngrams", DIMENSIONS)([LIFTED])[0].astype(np.float64)
    said = honest.copy()
    baskets = said[DIMENSIONS * (DIMENSIONS + 1) // 2 :].reshape(DIMENSIONS, -1)[:, -1]
    baskets += (row / np.abs(row).max() * (CAP - 100) * ONE).astype(np.int64)
    return said


@pytest.fixture(scope="module")
def exchanges(shops):
    """The sums of an honest refit and of a forged one."""
    fitted = WholeGram(matrix=summed(shops, "taste", FIT).gram)
    return {
        name: Exchange(
            fitted=fitted,
            refitted=WholeGram(matrix=summed(shops, "taste", VALIDATION, forged).gram),
            lambdas=dict.fromkeys(SCENARIOS, 100),
            release="ab" * 32,
        )
        for name, forged in (("honest", None), ("forged", praise_of_a_concept))
    }


@pytest.fixture(scope="module")
def contents(shops):
    fitted = summed(shops, "content", FIT, dimensions=DIMENSIONS)
    return {
        name: Contents(
            fitted=fitted,
            refitted=summed(shops, "content", VALIDATION, forged, dimensions=DIMENSIONS),
            encoder="ngrams",
            dimensions=DIMENSIONS,
            noisy=False,
            release="cd" * 32,
        )
        for name, forged in (("honest", None), ("forged", praise_of_a_text))
    }


def learned(shops, exchange):
    return training.learn(shops[0], WORDS, windows=WINDOWS, exchange=exchange)


def in_lists(found, scenario):
    """In what share of own customers' lists TARGET is."""
    allowed = found.held.candidates(scenario)
    scores = found.model.matrix_scores(scenario, found.held.history, allowed)
    return share_of_lists(scores, allowed, 10)[TARGET]


def test_an_honest_refit_serves(shops, exchanges):
    found = learned(shops, exchanges["honest"])
    assert found.model.risen is None
    assert any(part.deployed for part in found.model.scenarios.values())
    for name, part in found.model.scenarios.items():
        assert not np.array_equal(part.federated.matrix, found.rehearsal.scenarios[name].federated.matrix)


def test_a_forged_answer_lifts_a_concept_into_every_list_and_is_held_back(shops, exchanges):
    lifted = training.refitted(shops[0], WORDS, windows=WINDOWS, exchange=exchanges["forged"])
    deployed = [name for name in SCENARIOS if lifted.model.scenarios[name].deployed]
    assert deployed
    found = learned(shops, exchanges["forged"])
    for scenario in deployed:
        assert in_lists(lifted, scenario) > 0.4, scenario
        assert in_lists(found, scenario) < 0.1, scenario
    assert found.model.risen.name == WORDS.concepts[TARGET]
    assert found.model.elsewhere[TARGET] < lifted.model.elsewhere[TARGET] / 5
    for name, part in found.model.scenarios.items():
        np.testing.assert_array_equal(part.federated.matrix, found.rehearsal.scenarios[name].federated.matrix)


def test_popularity_elsewhere_is_compared_too_where_the_gate_let_no_release_in(shops, exchanges):
    """New concepts go by it, whatever the gate says of the release."""
    found = learned(shops, exchanges["honest"])
    sold = dict(found.model.starters)
    unsold = [at for at in np.argsort(found.rehearsal.elsewhere) if at != TARGET][: 10 * REACH + 20]
    forged = found.rehearsal.elsewhere.copy()
    forged[unsold[0]] = CAP
    own = {name: training.replace(part, federated=None) for name, part in found.model.scenarios.items()}
    starters = {at: each for at, each in sold.items() if at not in set(unsold)}
    model = training.replace(found.model, scenarios=own, starters=starters, elsewhere=forged)
    rehearsal = training.replace(found.rehearsal, scenarios=own)
    moved = training.replace(found, model=model, rehearsal=rehearsal)
    held = training.as_judged(moved, training.comparisons(moved)).model
    assert (held.risen.name, held.risen.served) == (WORDS.concepts[unsold[0]], 1.0)
    np.testing.assert_array_equal(held.elsewhere, found.rehearsal.elsewhere)


@pytest.mark.parametrize("places", DEPTHS)
def test_an_item_is_seen_at_whatever_depth_it_arrives_from_beyond_reach(places):
    order = np.arange(1000.0, 0.0, -1.0)

    def lifted(start):
        """Everybody's item of rank ``start`` becomes that of rank ``places``; ranks count from 0."""
        served = order.copy()
        served[start] = order[places - 1] + 0.5
        names, everything = [str(at) for at in range(1000)], np.ones((40, 1000), np.bool_)
        served, judged = (np.broadcast_to(each, everything.shape) for each in (served, order))
        return Comparison(names=names, served=served, before=(judged,), allowed=everything).risen

    beyond = places * REACH
    assert lifted(beyond) == Risen(name=str(beyond), served=1.0, before=0.0, places=places)
    assert f"among the first {places} of 100% of own customers" in lifted(beyond).sentence
    assert lifted(beyond - 1) is None


def test_what_is_compared_ends_where_the_longest_list_that_may_be_asked_for_ends():
    longest = DEPTHS[-1] // POOL
    assert Wish(customer="c", n=longest).n == longest
    with pytest.raises(BadInput):
        Wish(customer="c", n=longest + 1)


def in_bold_places(model, history, scenario):
    """Which concepts stand in one of the last two of ten places, both kept for bold ones, (customers, n_concepts)."""
    found = np.zeros(history.shape, np.bool_)
    for one in seen(model, history, scenario):
        order, _ = pool(one.view, one.candidates, Dial(), 10)
        alike = np.zeros((len(order), len(order)))
        shown = pick(one.view, order, alike, 10, (0.0, 0.0, 0.0, 2), one.candidates)
        found[one.at, shown[8:]] = True
    return found


def test_what_only_a_refit_puts_into_bold_places_is_held_back(shops, exchanges, monkeypatch):
    """The refit is honest here, and by the judged sum the concept is made everybody's rather than these customers'."""
    honest, scenario = learned(shops, exchanges["honest"]), "explore"
    assert [each.risen for each in bold_orders(honest)] == [None, None]
    shown = in_bold_places(honest.model, honest.held.history, scenario)
    concept = int(shown.sum(0).argmax())
    history = honest.held.history[shown[:, concept]]
    assert len(history) > 5
    part = honest.rehearsal.scenarios[scenario]
    matrix = part.federated.matrix.copy()
    matrix[~history.any(0), concept] = 1.0
    dull = training.replace(part, federated=training.replace(part.federated, matrix=matrix))
    parts = {**honest.rehearsal.scenarios, scenario: dull}
    lifted = training.replace(honest, rehearsal=training.replace(honest.rehearsal, scenarios=parts))

    def of_those(found, denied):
        held = training.replace(found.held, history=history)
        return bold_orders(training.replace(found, held=held), denied)

    monkeypatch.setattr(choosing, "learn", lambda *_, **__: lifted)
    monkeypatch.setattr(choosing, "bold_orders", of_those)
    trained = choosing.train(shops[0], WORDS, windows=WINDOWS, exchange=exchanges["honest"])
    assert trained.risen.name == WORDS.concepts[concept]
    assert in_bold_places(trained, history, scenario)[:, concept].mean() < 0.2


def test_a_lie_that_counts_against_buyers_of_what_is_denied_is_seen_in_the_lists_that_are_served(
    shops, exchanges, monkeypatch
):
    """Nearly everybody here buys something that is denied, and lists are made without looking at that."""
    honest = learned(shops, exchanges["honest"])
    denied = np.zeros(len(WORDS), np.bool_)
    denied[np.argsort(-honest.held.buyers)[:5]] = True
    assert honest.held.history[:, denied].any(1).mean() > 0.9
    parts = {}
    for name, part in honest.model.scenarios.items():
        matrix = part.federated.matrix.copy()
        matrix[:, TARGET] = np.where(denied, -1000.0, 1.0)
        parts[name] = training.replace(part, federated=training.replace(part.federated, matrix=matrix))
    lifted = training.replace(honest, model=training.replace(honest.model, scenarios=parts))
    assert {each.risen for each in training.comparisons(lifted)} == {None}
    monkeypatch.setattr(training, "refitted", lambda *_, **__: lifted)
    monkeypatch.setattr(choosing, "bold_orders", lambda *_: ())  # what is bold would be seen in any case
    trained = choosing.train(shops[0], WORDS, windows=WINDOWS, exchange=exchanges["honest"], denied=denied)
    assert trained.risen.name == WORDS.concepts[TARGET]


def first_texts(shops, model):
    """For what share of own customers LIFTED is the likeliest of the loose texts."""
    items = [item for item in shops[0].every_item() if item.concept_name is None]
    history = np.concatenate(
        [
            batch.dense(len(WORDS))
            for batch in shops[0].taste_rows(WORDS, since=0, until=FIT, customers_until=FIT)
        ]
    )
    rows = newcomer_trial.Texts.of(tuple(items), encoder_named("ngrams", DIMENSIONS))
    scores = model.newcomers.texts.model(rows.rows).scores((history > 0).astype(np.float64))
    found = share_of_lists(scores, np.ones(scores.shape, np.bool_), 1)
    return found[[item.name for item in rows.items].index(LIFTED)]


def test_a_forged_answer_puts_a_text_in_front_of_everybody_and_is_held_back(
    shops, exchanges, contents, monkeypatch, tmp_path
):
    own = learned(shops, exchanges["honest"])

    def trained(which):
        found = newcomer_trial.learn_newcomers(shops[0], WORDS, own, contents[which])
        return training.replace(own.model, newcomers=found)

    honest = trained("honest")
    assert honest.newcomers.rules.release
    assert honest.newcomers.rules.text_risen is None
    with monkeypatch.context() as unguarded:
        unguarded.setattr(Comparison, "risen", None)
        lifted = trained("forged")
    found = trained("forged")
    assert first_texts(shops, honest) < 0.1
    assert first_texts(shops, lifted) > 0.4  # of everybody with one of the two tastes
    assert first_texts(shops, found) < 0.1
    assert found.newcomers.rules.text_risen.name in {LIFTED, "amber ale rare"}  # which shares its rare word
    (sentence,) = held_back(found)
    assert sentence.startswith(
        "The refit of texts of items is held back: the newest sum, which no validation"
    )
    assert found.newcomers.rules.text_risen.name in sentence
    save(found, tmp_path)
    assert held_back(load(tmp_path)) == [sentence]
    assert held_back(honest) == []
