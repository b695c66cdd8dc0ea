"""What members read: the card, vocabularies, the log with its proofs, releases, and their votes."""

import pytest

from protocols.audit import TreeHead, check_advance
from protocols.codec import decode, encode
from protocols.identity import COORDINATOR, Signed, open_signed
from protocols.messages import Phase, PhaseInput
from protocols.release import Vote, open_release
from protocols.vocabulary import open_vocabulary
from tests.simulation.rig import founded


@pytest.fixture
def rig(tmp_path):
    made = founded(tmp_path / "home")
    yield made
    made.close()


def code(response):
    return response.json()["type"].removeprefix("urn:altrove:problem:")


def head(member):
    return open_signed(decode(Signed, member.get("/v1/audit/head").content), TreeHead, member.roll)


def test_the_card_names_what_a_node_then_fetches_and_verifies(rig):
    member = rig.members[0]
    card = member.get("/v1/consortium").json()
    assert bytes.fromhex(card["coordinator_key"]) == member.roll[COORDINATOR]
    assert card["roster"]["height"] == 0
    assert card["audit"] == {"size": head(member).size, "root": head(member).root.hex()}
    words = member.get(f"/v1/vocabularies/{card['vocabulary']}").content
    assert len(open_vocabulary(words, bytes.fromhex(card["vocabulary"]))) == 3
    assert member.get("/v1/vocabularies/00").status_code == 404
    assert member.get("/v1/vocabularies/zz").status_code == 404


def test_the_log_grows_and_proves_that_it_only_grew(rig):
    member = rig.members[0]
    old = head(member)
    rig.play(rig.ask())
    new = head(member)
    proof = member.get(f"/v1/audit/consistency?first={old.size}&second={new.size}").json()["proof"]
    check_advance(old, new, [bytes.fromhex(step) for step in proof])
    kinds = [line["kind"] for line in member.get("/v1/audit/entries?from=0&limit=10").json()]
    assert kinds == ["roster", "vocabulary", "round", "release"]
    assert code(member.get(f"/v1/audit/consistency?first={new.size}&second={new.size + 1}")) == "bad-input"


def test_a_release_is_served_verifiable_and_voted_on_once(rig):
    rig.play(rig.ask())
    member = rig.members[0]
    (line,) = member.get("/v1/releases").json()
    signed = decode(Signed, member.get(f"/v1/releases/{line['release']}").content)
    opened = open_release(signed, member.get(f"/v1/releases/{line['release']}/payload").content, member.roll)
    assert opened.release_id.hex() == line["release"]
    assert opened.manifest.survivors == tuple(sorted(each.id for each in rig.members))

    def vote(accept):
        said = Vote(release=opened.release_id, voter=member.id, accept=accept, reason="it helps")
        return member.post(f"/v1/releases/{line['release']}/votes", encode(member.key.sign(member.id, said)))

    assert [vote(True).status_code, vote(True).status_code] == [200, 200]
    assert code(vote(False)) == "equivocation"
    assert [each.vote.accept for each in rig.services.library.votes(opened.release_id)] == [True]


def test_a_member_that_asks_anew_gets_the_current_state_and_nothing_it_has_seen(rig):
    first = rig.ask()
    rig.play(first)
    second = rig.ask(epoch="2")
    member = rig.members[0]
    response = member.get("/v1/rounds/next?after=0")
    given = decode(PhaseInput, response.content)
    assert (given.round, given.phase) == (second, Phase.ADVERTISE)
    seen = response.headers["Altrove-Sequence"]
    assert member.get(f"/v1/rounds/next?after={seen}").status_code == 204


def test_a_member_outside_the_cohort_hears_nothing_of_the_round(rig):
    cohort = [member.name for member in rig.members[:4]]
    number = rig.ask(cohort=cohort)
    assert rig.members[4].get("/v1/rounds/next?after=0").status_code == 204
    assert rig.play(number).round.state == "released"


def test_everybody_of_the_cohort_hears_of_the_release_even_who_dropped_out(rig):
    dropped = rig.by_name("Galene")
    dropped.mute = {Phase.SHARE}
    rig.play(rig.ask())
    given = decode(PhaseInput, dropped.get("/v1/rounds/next?after=0").content)
    assert given.phase == Phase.RELEASED
    assert len(given.items) == 1


def test_numbers_that_no_database_holds_are_refused_and_are_no_defect(rig):
    member, most = rig.members[0], 2**63
    for path in (
        f"roster/{most}",
        f"audit/consistency?first={most}&second=1",
        f"audit/entries?from={most}",
        f"rounds/next?after={most}",
        f"rounds/{most}/1/vector",
        f"rounds/1/{most}/evidence",
        f"rounds/{most}/1/evidence/bundles/00",
        f"rounds/{most}/1/evidence/vectors/00",
    ):
        assert member.get(f"/v1/{path}").status_code == 422, path
