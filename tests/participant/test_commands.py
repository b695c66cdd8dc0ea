"""Verbs of `altrove-node` on a home as they find it: what they print, what they change, how they end."""

import json
import shutil
from pathlib import Path

import pytest
import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import text
from typer.testing import CliRunner

from participant.cli import app as cli
from participant.home import Home
from participant.intake import read
from participant.standing import Standing
from participant.store.outbox import NO_DIFFERENTIAL_PRIVACY, Outbox
from participant.store.records import Records
from participant.store.schema import open_database
from participant.store.tokens import Tokens
from protocols.bundle import ReleaseKey
from protocols.service import tls
from protocols.service.clock import iso
from protocols.service.unit_of_work import reading, transaction
from tests.participant import asked, nodes
from tests.participant.purchases import write_purchases

ENVIRONMENT = {
    "ALTROVE_NODE_POLICY__MINIMUM_COHORT": "3",
    "ALTROVE_NODE_POLICY__CUSTOMERS_FLOOR": "2",
    "ALTROVE_NODE_POLICY__ACCEPT_TWO_EXPOSE_THE_THIRD": "true",
}


@pytest.fixture(scope="module")
def template(tmp_path_factory) -> Path:
    """A home that has joined, accepted the roster and read in six customers' purchases of one day."""
    folder = tmp_path_factory.mktemp("home")
    coordinator, members, clock = asked.consortium(3)
    node = nodes.start(folder / "home", members[0], coordinator, clock)
    sales, catalogue = write_purchases(folder, list(asked.WORDS.concepts), until=asked.AUTUMN)
    read([sales], home=node.home.root, engine=node.db, catalogue=[catalogue], now=asked.NOW)
    node.db.dispose()
    return folder / "home"


@pytest.fixture
def home(template, tmp_path) -> Home:
    shutil.copytree(template, tmp_path / "home")
    return Home(root=tmp_path / "home")


def run(home, *words, **environment):
    return CliRunner().invoke(cli, [*words, "--home", str(home.root)], env=ENVIRONMENT | environment)


def well(home, *words, **environment):
    said = run(home, *words, **environment)
    assert said.exit_code == 0, said.output
    return said.output


def departed(home):
    with reading(open_database(home.database)) as connection:
        return Outbox(connection).recent(10)


def test_check_says_that_a_node_with_data_and_roster_is_ready(home):
    said = well(home, "check")
    assert "Ready." in said
    assert "6 (0 opted out" in said
    assert "0.0%" in said


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"ALTROVE_NODE_POLICY__CUSTOMERS_FLOOR": "100"},
            "6 customers, but the policy answers only from 100 on",
        ),
        ({}, "altrove-node stop --release"),
    ],
)
def test_check_names_what_to_fix_and_ends_with_another_code(home, change, words):
    if not change:
        well(home, "stop")
    said = run(home, "check", **change)
    assert said.exit_code == 2
    assert "To fix:" in said.output
    assert words in said.output


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("UPDATE rosters SET in_force_at = NULL, approved_at = 5", "other members have still to sign it"),
        ("DELETE FROM rosters", "no roster accepted: run `altrove-node roster`"),
    ],
)
def test_check_tells_a_roster_that_waits_for_others_from_none(home, row, words):
    with transaction(open_database(home.database)) as connection:
        connection.execute(text(row))
    said = run(home, "check")
    assert said.exit_code == 2
    assert words in " ".join(said.output.split())


def test_check_names_days_without_a_sale(home, tmp_path):
    (tmp_path / "later").mkdir()
    sales, catalogue = write_purchases(tmp_path / "later", ["BREAD"], until=asked.AUTUMN + 10 * 86_400)
    db = open_database(home.database)
    read([sales], home=home.root, engine=db, catalogue=[catalogue], now=asked.NOW)
    said = run(home, "check")
    assert said.exit_code == 2
    assert "8 days in a row without a sale" in said.output


def test_dry_run_says_in_words_what_would_leave_and_sends_nothing(home):
    said = well(home, "dry-run")
    assert "10 numbers, 40 bytes, from 6 customers" in said
    assert "BREAD with BREAD: 6" in said
    assert f"Without noise there is {NO_DIFFERENTIAL_PRIVACY}; the policy allows that." in said
    assert "With row_scheme=unit: With noise=2.450" in said
    assert "it would cost epsilon 2.00 at delta 1e-07 for one account" in said
    assert "This quarter would then stand at 2.00 of 2, the lifetime of these purchases at 2.00 of 8" in said
    assert "This question is about a release, and there is none yet." in said
    assert (
        "how many purchases fell in each band of" not in said
    )  # moments, and the rest, want a policy that names them
    assert "Nothing was sent and nothing was sealed." in said
    assert departed(home) == ()
    assert list(home.vectors.iterdir()) == []


def test_dry_run_answers_every_question_that_needs_no_release(home):
    questions = '["taste","content","landmarks","nonbuyers","rhythm"]'
    said = well(home, "dry-run", ALTROVE_NODE_POLICY__QUESTIONS=questions)
    assert "How the words in names, brands and categories of what customers bought go together" in said
    assert "This question is about a release" not in said
    assert "how many purchases fell in each band of" in said
    assert said.count("from 6 customers") == 5
    for example in ("texts: number ", "BREAD with BREAD: ", "customers who ", "BREAD, "):
        assert example in said
    assert "cell " not in said  # every number shown is said in words
    assert departed(home) == ()


def test_dry_run_says_why_a_round_would_be_refused(home):
    said = well(home, "dry-run", ALTROVE_NODE_POLICY__MINIMUM_COHORT="4")
    assert (
        "At present no round would be answered: the roster lists 3 companies, the policy asks for 4" in said
    )


def test_dry_run_says_what_the_policy_and_the_budget_would_refuse(home):
    said = well(
        home,
        "dry-run",
        ALTROVE_NODE_POLICY__REQUIRE_DP="true",
        ALTROVE_NODE_POLICY__EPSILON_LIFETIME="1.5",
        ALTROVE_NODE_POLICY__EPSILON_QUARTER="1.5",
    )
    assert "and the policy refuses it (require_dp)" in said
    assert "would then stand at 1.50 of 1.5" in said


def test_a_quarter_that_may_cost_more_than_the_lifetime_is_no_policy(home):
    said = run(home, "status", ALTROVE_NODE_POLICY__EPSILON_LIFETIME="1")
    assert said.exit_code == 1
    assert "epsilon_quarter must not be above epsilon_lifetime" in said.output


def test_budget_says_what_is_spent_before_anything_is(home):
    said = well(home, "budget")
    assert "epsilon 0.00 of 2; over the lifetime of the data 0.00 of 8, at delta 1e-07." in said
    assert "Questions without noise are allowed (require_dp is false)" in said
    assert "privacy budget" in well(home, "status")
    assert "refused (require_dp)" in well(home, "budget", ALTROVE_NODE_POLICY__REQUIRE_DP="true")


def test_recommend_shows_products_with_reasons_and_the_same_as_json(home):
    said = well(home, "recommend", "c1", "-n", "2")
    assert "A favourite of this shop's customers." in said
    assert "Degraded" in said
    answer = json.loads(well(home, "recommend", "c1", "-n", "2", "--json"))
    assert [item["concept"] for item in answer["items"]] == ["MILK", "TEA"]
    assert all(item["name"] in said for item in answer["items"])
    assert (answer["degraded"], answer["model_version"]) == (True, "popularity")


def test_recommend_refuses_an_impossible_number_in_words(home):
    said = run(home, "recommend", "c1", "-n", "0")
    assert said.exit_code == 1
    assert "n of 1 to 100" in said.output


def test_status_says_how_the_node_stands_before_and_after_a_stop(home):
    assert "Nothing has left yet." in well(home, "status")
    before = json.loads(well(home, "status", "--json"))
    assert (before["stopped"], before["customers"], len(before["members"])) == (False, 6, 3)
    assert f"Nothing leaves the node in {home.root}" in well(home, "stop")
    assert "STOPPED: nothing leaves" in well(home, "status")
    assert json.loads(well(home, "status", "--json"))["stopped"] is True
    assert run(home, "stop", "--release", "--word", "please").exit_code == 1
    assert json.loads(well(home, "status", "--json"))["stopped"] is True
    well(home, "stop", "--release", "--word", "OPEN")
    assert json.loads(well(home, "status", "--json"))["stopped"] is False


def test_status_says_when_the_certificate_ends(home):
    ends = asked.NOW + tls.LEAF_DAYS * 86_400
    assert f"ends on {iso(ends)}" in well(home, "status")
    assert json.loads(well(home, "status", "--json"))["certificate_ends"] == iso(ends)


@pytest.mark.parametrize("mode", ["beside", "apart"])
def test_trust_says_when_a_courier_in_a_container_has_to_be_started_anew(home, tmp_path, mode):
    (tmp_path / "release.pub").write_text(ReleaseKey.of(Ed25519PrivateKey.from_private_bytes(bytes(32))).line)
    said = well(home, "trust", str(tmp_path / "release.pub"), ALTROVE_NODE_COURIER__MODE=mode)
    assert ("keeps the old keys until it is started anew" in said) == (mode == "apart")


def test_a_token_is_shown_once_kept_as_a_digest_and_can_be_revoked(home):
    text = well(home, "token", "new", "web shop").split()[0]
    assert text.startswith("alt_recommend_")
    listed = well(home, "token", "list")
    assert "web shop" in listed
    assert text not in listed
    assert all(text.encode() not in path.read_bytes() for path in home.root.glob("node.db*"))
    (kept,) = Tokens(open_database(home.database)).all()
    well(home, "token", "revoke", kept.token_id)
    assert "yes" in well(home, "token", "list")
    wrong = run(home, "token", "revoke", "unknown")
    assert wrong.exit_code == 1
    assert "token list" in wrong.output


def test_a_token_of_an_unknown_scope_is_refused(home):
    assert well(home, "token", "new", "reports", "--scope", "report").startswith("alt_report_")
    wrong = run(home, "token", "new", "everything", "--scope", "admin")
    assert wrong.exit_code == 1
    assert "recommend or report" in wrong.output


def test_shelves_are_read_in_and_who_does_not_buy_is_said_as_a_hypothesis(home, tmp_path, monkeypatch):
    monkeypatch.setattr(Standing, "renew_vocabulary", Standing.vocabulary)  # there is no coordinator
    shelf = tmp_path / "shelf.csv"
    shelf.write_text("item,store,since,display\ntea,north,0,A\n")
    assert "1 kept, 1 of them on display" in well(home, "connect", "--shelf", str(shelf))
    said = well(home, "nonbuyers", "TEA")
    assert "A reason is a hypothesis" in said
    assert "not asked yet" in said
    body = json.loads(well(home, "nonbuyers", "TEA", "--json"))
    assert body["customers"] == sum(state["customers"] for state in body["states"]) == 6
    wrong = run(home, "nonbuyers", "CAVIAR")
    assert wrong.exit_code == 1
    assert "unknown-concept" in wrong.output


def test_what_a_verb_logs_is_no_part_of_what_it_says(home):
    before = structlog.get_config()
    said = run(home, "sensitive", "deny", "TEA")
    assert "This changes 1: TEA" in said.stdout
    assert "sensitive category ruled" in said.stderr
    assert "sensitive category ruled" not in said.stdout
    assert structlog.get_config() == before  # a daemon in the same process logs where it did


def test_a_catalogue_by_itself_is_refused_and_not_passed_over(home, tmp_path):
    _, catalogue = write_purchases(tmp_path, ["BREAD"], until=asked.AUTUMN)
    said = run(home, "connect", "--catalogue", str(catalogue))
    assert said.exit_code == 1
    assert "name the files of purchases as well" in " ".join(said.output.split())


def test_opting_out_needs_a_known_customer_and_changes_the_count(home):
    assert "Left out of every answer" in well(home, "opt-out", "c1")
    records = Records(home.root, open_database(home.database))
    assert (records.n_customers(), records.n_opted_out()) == (5, 1)
    assert "Counted again" in well(home, "opt-out", "c1", "--undo")
    assert records.n_customers() == 6
    wrong = run(home, "opt-out", "nobody")
    assert wrong.exit_code == 1
    assert "unknown-customer" in wrong.output


def test_a_verb_that_needs_the_coordinator_says_that_it_is_silent(home):
    for words in (["roster"], ["connect"]):
        said = run(home, *words)
        assert said.exit_code == 1
        assert "unreachable" in said.output
        assert "Traceback" not in said.output
