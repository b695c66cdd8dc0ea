"""Sensitive categories and appetites on a real node: over the API, on the page, by the officer's verbs, in the files."""

import json
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sqlalchemy import select
from starlette.testclient import TestClient
from typer.testing import CliRunner

from participant import entropy
from participant.app import make_apps
from participant.cli import app as cli
from participant.commands import officer
from participant.intake import read
from participant.models import NodeModel, load
from participant.serving import Recommender, Wish
from participant.store.record_tables import appetites
from participant.store.tokens import Tokens
from protocols.service.clock import ManualClock
from protocols.service.jobs import Jobs
from protocols.service.tokens import mint
from protocols.service.unit_of_work import reading
from protocols.vocabulary import Vocabulary
from tests.participant import nodes
from tests.participant.fake_coordinator import FakeCoordinator, companies
from tests.participant.shop import CONCEPTS, NOW, made_up_lines, write_sales

NAMES = {4: "RED WINE", 6: "BABY WIPES", 8: "COUGH SYRUP"}
WORDS = tuple(NAMES.get(at, concept) for at, concept in enumerate(CONCEPTS))
VOCABULARY = Vocabulary.of("with sensitive words", WORDS)


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    members, clock = companies(3), ManualClock(NOW)
    coordinator = FakeCoordinator(members, VOCABULARY, now=NOW)
    folder = tmp_path_factory.mktemp("node")
    made = nodes.start(folder / "home", members[0], coordinator, clock)
    items = [f"item-{i:02d}{half}" for i in range(len(WORDS)) for half in "ab"]
    table = {"item": items, "concept": [w for w in WORDS for _ in "ab"], "name": items}
    pq.write_table(pa.table(table), folder / "catalogue.parquet")
    sales = write_sales(folder / "sales.parquet", made_up_lines(60))
    read([sales], home=made.home.root, engine=made.db, catalogue=[folder / "catalogue.parquet"], now=NOW)
    yield made
    made.db.dispose()


@pytest.fixture(scope="module")
def trained(node):
    node.trainer.train(None)
    return node


@pytest.fixture
def client(trained):
    recommender = Recommender(
        db=trained.db, records=trained.records, trainer=trained.trainer, clock=trained.clock
    )
    app = make_apps(trained, recommender, Jobs()).public
    return lambda scope: TestClient(
        app, base_url="http://127.0.0.1:8470", headers={"Authorization": f"Bearer {bearer(trained, scope)}"}
    )


@pytest.fixture
def http(client):
    return client("recommend")


@pytest.fixture
def own_page(client):
    return client("appetite")


def bearer(node, scope):
    made = mint(scope, entropy.random_bytes(32))
    Tokens(node.db).add(made, label="shop", at=0, expires_at=0)
    return made.text


def verb(node, *words):
    said = CliRunner().invoke(cli, [*words, "--home", str(node.home.root)], env={"COLUMNS": "200"})
    assert said.exit_code == 0, said.output
    return " ".join(said.output.split())


def shown(http, customer, **more):
    asked = {"user_id": customer, "scenario": "explore", "n": 30, **more}
    said = http.post("/v1/recommendations", json=asked)
    assert said.status_code == 200, said.text
    return said.json()


def test_nothing_sensitive_is_suggested_or_a_reason_without_a_model(node):
    recommender = Recommender(db=node.db, records=node.records, trainer=node.trainer, clock=node.clock)
    for customer in ("c000", "a stranger"):
        served = recommender.serve(Wish(customer=customer, n=30))
        assert not {item.concept for item in served.items} & set(NAMES.values())
        assert served.filtered["sensitive"] == len(NAMES)


def test_nothing_sensitive_is_suggested_or_a_reason_over_the_api_or_on_the_page(trained, http):
    bought = 0
    for number in range(40):
        customer = f"c{number:03d}"
        answer = shown(http, customer)
        bought += bool(set(NAMES.values()) & set(_bought(trained, customer)))
        said = json.dumps(answer["items"])
        page = http.get(f"/recommendations?customer={customer}&scenario=explore").text
        picks = page[page.index('class="picks"') :]
        for name in NAMES.values():
            assert name not in said
            assert name not in picks
        assert answer["filtered"]["sensitive"] >= 0
    assert bought > 10  # or nothing would have been there to be a reason


def _bought(node, customer):
    return [VOCABULARY.concepts[c] for c in node.records.history(customer, VOCABULARY).concepts]


def test_the_officer_rules_by_name_at_once_and_on_record(trained, http):
    stranger_to_wine = next(
        c for c in (f"c{n:03d}" for n in range(60)) if "RED WINE" not in _bought(trained, c)
    )
    assert "RED WINE" not in json.dumps(shown(http, stranger_to_wine))
    assert "This changes 1: RED WINE" in verb(trained, "sensitive", "allow", "Alcohol")
    assert "RED WINE" in {item["concept"] for item in shown(http, stranger_to_wine)["items"]}
    assert "This changes 1: RED WINE" in verb(trained, "sensitive", "deny", "red wine")
    assert "RED WINE" not in json.dumps(shown(http, stranger_to_wine))
    said = verb(trained, "sensitive", "list")
    assert "2 concepts" not in said
    assert "3 concepts are never suggested" in said
    assert said.index("allowed: Alcohol") < said.index("denied: red wine")
    found = json.loads(verb(trained, "sensitive", "list", "--json"))
    assert [ruling["allowed"] for ruling in found["rulings"]] == [True, False]
    assert "No concept sold here changes" in verb(trained, "sensitive", "deny", "no such thing")


def test_the_list_of_what_is_denied_has_the_concepts_whose_product_here_is(trained, monkeypatch, capsys):
    version, model = trained.trainer.in_use()
    syrup = replace(model.starters[10], name="COUGH SYRUP FOR NIGHTS")
    monkeypatch.setattr(
        trained.trainer, "in_use", lambda: (version, replace(model, starters=model.starters | {10: syrup}))
    )
    recommender = Recommender(
        db=trained.db, records=trained.records, trainer=trained.trainer, clock=trained.clock
    )
    served = recommender.serve(Wish(customer="a stranger", n=30))
    assert WORDS[10] not in {item.concept for item in served.items}
    officer.show_sensitive(trained, as_json=True)
    assert WORDS[10] in json.loads(capsys.readouterr().out)["denied"]


def test_a_setting_denies_other_groups(trained):
    env = {"ALTROVE_NODE_SUGGESTIONS__DENY": '["tobacco"]', "COLUMNS": "200"}
    said = CliRunner().invoke(cli, ["sensitive", "list", "--json", "--home", str(trained.home.root)], env=env)
    assert json.loads(said.output)["denied"] == ["RED WINE"]  # ruled by name


def test_a_customer_sees_what_is_known_and_has_it_removed(trained, http, own_page):
    said = own_page.post("/v1/appetite", json={"user_id": "c003"}).json()
    assert (said["level"] in {0, 1, 2}, said["removed"], said["consented_at"]) == (True, False, 0)
    assert len(said["sentences"]) == 6
    italian = own_page.post("/v1/appetite", json={"user_id": "c003", "language": "it"}).json()
    assert italian["sentences"] != said["sentences"]
    gone = own_page.post("/v1/appetite/removal", json={"user_id": "c003"}).json()
    assert (gone["level"], gone["removed"], gone["used"], len(gone["sentences"])) == (-1, True, False, 1)
    assert own_page.post("/v1/appetite", json={"user_id": "nobody"}).status_code == 404
    assert "Nothing is known" in verb(trained, "appetite", "show", "c003")
    assert (
        own_page.post("/v1/appetite", json={"user_id": "c003"}, headers={"Authorization": ""}).status_code
        == 401
    )
    assert http.post("/v1/appetite", json={"user_id": "c003"}).status_code == 403


def test_a_questionnaire_needs_a_day_of_consent_and_refines_the_appetite(trained, own_page, tmp_path):
    file = tmp_path / "answers.csv"
    rows = [
        "c010,1970-12-01,5,5",
        "c011,,5,5",
        "c012,2999-01-01,5,5",
        "c013,1970-12-01,7,5",
        "nobody,1970-12-01,1,1",
        "c014,1970-12-01,x,1",
    ]
    file.write_text("customer,consented_at,uniqueness,openness\n" + "\n".join(rows) + "\n")
    said = verb(trained, "appetite", "import", str(file))
    assert "1 answers taken in, 0 older" in said
    for reason in (
        "no-day-of-consent",
        "consent-in-the-future",
        "outside-the-scale",
        "unknown-customer",
        "no-number",
    ):
        assert f"1 rows refused: {reason}" in said
    assert "with your consent of 1970-12-01" in verb(trained, "appetite", "show", "c010")
    refused = (trained.home.root / "data" / "rejected" / "questionnaire.csv").read_text()
    for kept in (
        '"no-day-of-consent","c011","","",""',
        '"consent-in-the-future","c012","2999-01-01","",""',  # nobody agreed that these answers be kept
        '"unknown-customer","nobody","1970-12-01","",""',
        '"outside-the-scale","c013","1970-12-01","7","5"',
    ):
        assert kept in refused
    assert "c010" not in refused
    own_page.post("/v1/appetite/removal", json={"user_id": "c010"})  # on the node's own day, in 1971
    assert "0 answers taken in, 1 older" in verb(trained, "appetite", "import", str(file))
    file.write_text("customer,consented_at,uniqueness,openness\nc010,1971-03-20,5,5\n")
    assert "1 answers taken in" in verb(trained, "appetite", "import", str(file))
    assert "1971-03-20" in verb(trained, "appetite", "show", "c010")


def test_the_verb_removes_as_well(trained):
    assert "Removed" in verb(trained, "appetite", "remove", "c016")
    assert "Nothing is known" in verb(trained, "appetite", "show", "c016")


def by_appetite(model: NodeModel, places: tuple[int, ...]) -> NodeModel:
    part = model.scenarios["explore"]
    bold = replace(
        part.boldness, places=places[1], cap=1.0, by_appetite=places, tau=0.0, beta=0.0, diversity=0.0
    )
    return replace(model, scenarios={**model.scenarios, "explore": replace(part, boldness=bold)})


def test_appetite_sets_the_default_and_gives_way_to_a_dial_that_was_asked(trained, monkeypatch):
    version, model = trained.trainer.in_use()
    moved = by_appetite(model, (0, 2, 4))
    monkeypatch.setattr(trained.trainer, "in_use", lambda: (version, moved))
    recommender = Recommender(
        db=trained.db, records=trained.records, trainer=trained.trainer, clock=trained.clock
    )

    def concepts(customer, **more):
        wish = Wish(customer=customer, scenario="explore", n=10, **more)
        return [item.concept for item in recommender.serve(wish).items]

    keys = {f"c{u:03d}": trained.records.history(f"c{u:03d}", VOCABULARY).customer_key for u in range(60)}
    levels = {name: model.appetites.of(key).level for name, key in keys.items()}
    for level, places in enumerate((0, 2, 4)):
        customer = next(name for name, found in levels.items() if found == level and name > "c020")
        assert concepts(customer) == concepts(customer, places=places)
        dialled = concepts(customer, maximum=0.99)
        if level != 1:
            assert concepts(customer) != concepts(customer, places=2)
            recommender._appetites.remove(customer)
            assert concepts(customer) == concepts(customer, places=2)
        assert concepts(customer, maximum=0.99) == dialled  # whose it is had not counted


def test_an_erasure_takes_answers_and_appetite_along(trained, tmp_path):
    file = tmp_path / "answers.csv"
    file.write_text(
        "customer,consented_at,uniqueness,openness\nc015,1970-12-01,5,5\nc015,1970-12-01,9,9\n", "utf-8"
    )
    verb(trained, "appetite", "import", str(file))
    key = trained.records.history("c015", VOCABULARY).customer_key
    assert key in _asked(trained)
    assert trained.trainer.in_use()[1].appetites.of(key) is not None
    trained.eraser.erase("c015")
    assert key not in _asked(trained)
    assert trained.trainer.in_use()[1].appetites.of(key) is None
    assert "c015" not in (trained.home.root / "data" / "rejected" / "questionnaire.csv").read_text()


def test_an_old_questionnaire_does_not_write_the_id_of_an_erased_customer_down_again(trained, tmp_path):
    trained.eraser.erase("c019")
    file = tmp_path / "answers.csv"
    rows = ["c019,1970-12-01,5,5", "c019,,5,5", "c019,1970-12-01,9,9", "nobody,1970-12-01,1,1"]
    file.write_text("customer,consented_at,uniqueness,openness\n" + "\n".join(rows) + "\n")
    said = verb(trained, "appetite", "import", str(file))
    assert "3 rows refused: erased" in said
    assert "1 rows refused: unknown-customer" in said
    assert [
        path for path in trained.home.root.rglob("*") if path.is_file() and b"c019" in path.read_bytes()
    ] == []


def test_the_next_training_keeps_no_habits_of_who_had_them_removed(trained):
    keys = [trained.records.history(name, VOCABULARY).customer_key for name in ("c017", "c018")]
    verb(trained, "appetite", "remove", "c017")
    trained.trainer.train(None)
    version, _ = trained.trainer.in_use()
    kept = load(trained.home.models / version).appetites
    assert kept.of(keys[0]) is None
    assert kept.of(keys[1]) is not None


def _asked(node):
    with reading(node.db) as connection:
        return [row.customer_key for row in connection.execute(select(appetites))]
