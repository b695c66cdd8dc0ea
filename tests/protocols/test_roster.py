"""The roster chain: who must sign what, and every chain that is refused."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.codec import decode, encode
from protocols.errors import (
    AltroveError,
    BadSignature,
    BrokenChain,
    MalformedMessage,
    UnknownSigner,
    WeakKey,
)
from protocols.identity import COORDINATOR, IdentityKey
from protocols.roster import (
    RosterApproval,
    SignedRoster,
    approve,
    check_genesis,
    check_proposal,
    check_successor,
    electorate,
    quorum,
    roll,
    roster_hash,
)
from tests.protocols.consortium import (
    COORDINATOR_KEY,
    admitting,
    entry_of,
    genesis,
    id_of,
    key_of,
    ordered,
    rekeying,
    removing,
    signed,
)
from tests.protocols.vector_files import is_bad, load

VECTORS = load("roster")
FOUNDERS = ["Ash", "Birch", "Cedar", "Dogwood", "Elm"]
FIRST = genesis(*FOUNDERS)


@given(st.integers(1, 10_000))
def test_a_quorum_is_more_than_two_thirds_and_two_quorums_share_more_than_a_third(n):
    assert 3 * quorum(n) > 2 * n >= 3 * (quorum(n) - 1)
    assert 3 * (2 * quorum(n) - n) > n


def test_a_genesis_needs_every_founder():
    assert check_genesis(signed(FIRST, *FOUNDERS)) == FIRST
    for absent in FOUNDERS:
        with pytest.raises(BrokenChain, match=id_of(absent).hex()):
            check_genesis(signed(FIRST, *(name for name in FOUNDERS if name != absent)))


def test_a_founder_may_look_at_the_genesis_before_anybody_signed():
    assert check_proposal(None, signed(FIRST)) == FIRST


@pytest.mark.parametrize(
    "version",
    [
        genesis("Ash", "Birch"),
        genesis(*FOUNDERS, height=1),
        genesis(*FOUNDERS, previous=bytes([1]) * 32),
        genesis(*FOUNDERS, change="admit"),
        genesis(*FOUNDERS, subject=id_of("Ash")),
        genesis(
            *FOUNDERS,
            entries=ordered(
                [
                    replace(entry_of("Ash"), partner=bytes([9]) * 16),
                    *(entry_of(name) for name in FOUNDERS[1:]),
                ]
            ),
        ),
    ],
    ids=[
        "two founders",
        "height 1",
        "a version before it",
        "an admission",
        "a subject",
        "an id of its own choice",
    ],
)
def test_a_genesis_of_another_form_is_refused(version):
    with pytest.raises(BrokenChain):
        check_proposal(None, signed(version))


def test_an_admission_needs_the_newcomer_and_a_quorum_of_the_version_before():
    second = admitting(FIRST, "Fir")
    assert check_successor(FIRST, signed(second, "Fir", "Ash", "Birch", "Cedar", "Dogwood")) == second
    with pytest.raises(BrokenChain, match=r"3 of 4"):
        check_successor(FIRST, signed(second, "Fir", "Ash", "Birch", "Cedar"))
    with pytest.raises(BrokenChain, match=id_of("Fir").hex()):
        check_successor(FIRST, signed(second, *FOUNDERS))


def test_the_newcomer_does_not_count_among_the_quorum():
    needed = electorate(FIRST, admitting(FIRST, "Fir"))
    assert not needed.satisfied_by([id_of(name) for name in ("Fir", "Ash", "Birch", "Cedar")])
    assert needed.satisfied_by([id_of(name) for name in ("Fir", "Ash", "Birch", "Cedar", "Elm")])


def test_a_removal_counts_without_its_subject():
    second = removing(FIRST, "Elm")
    assert electorate(FIRST, second).needed == quorum(4) == 3
    assert check_successor(FIRST, signed(second, "Ash", "Birch", "Cedar")) == second
    with pytest.raises(BrokenChain):
        check_successor(FIRST, signed(second, "Ash", "Birch"))
    with pytest.raises(UnknownSigner):
        check_successor(FIRST, signed(second, "Ash", "Birch", "Elm"))


def test_of_three_members_both_others_remove_or_rekey_the_third():
    three = genesis("Ash", "Birch", "Cedar")
    new = IdentityKey(b"n" * 32)
    without, rekeyed = removing(three, "Cedar"), rekeying(three, "Cedar", new)
    assert check_successor(three, signed(without, "Ash", "Birch")) == without
    with pytest.raises(BrokenChain):
        check_successor(three, signed(without, "Ash"))
    keys = {"Cedar": new}
    assert check_successor(three, signed(rekeyed, "Cedar", "Ash", "Birch", keys=keys)) == rekeyed
    with pytest.raises(BrokenChain):
        check_successor(three, signed(rekeyed, "Cedar", "Ash", keys=keys))


def test_a_rekeyed_member_signs_with_its_new_key_and_keeps_its_id():
    new = IdentityKey(b"n" * 32)
    second = rekeying(FIRST, "Elm", new)
    others = ["Ash", "Birch", "Cedar"]
    assert check_successor(FIRST, signed(second, "Elm", *others, keys={"Elm": new})) == second
    with pytest.raises(BadSignature):
        check_successor(FIRST, signed(second, "Elm", *others))
    assert roll(second)[id_of("Elm")] == new.public != roll(FIRST)[id_of("Elm")]


ADMISSION = admitting(FIRST, "Fir")


def renamed(entry):
    """Ash under another name; every other entry as it is."""
    return replace(entry, name="Oak") if entry.name == "Ash" else entry


@pytest.mark.parametrize(
    "version",
    [
        replace(ADMISSION, height=2),
        replace(ADMISSION, height=0),
        replace(ADMISSION, previous=bytes(32)),
        replace(ADMISSION, consortium=bytes(16)),
        replace(ADMISSION, change="remove"),
        replace(ADMISSION, change="genesis"),
        replace(ADMISSION, subject=id_of("Ash")),
        replace(ADMISSION, entries=ordered([*ADMISSION.entries, entry_of("Gum")])),
        replace(ADMISSION, entries=FIRST.entries),
        replace(ADMISSION, entries=tuple(renamed(entry) for entry in ADMISSION.entries)),
        replace(ADMISSION, entries=tuple(e for e in ADMISSION.entries if e.name != "Ash")),
        replace(ADMISSION, entries=ordered([*FIRST.entries, replace(entry_of("Fir"), partner=bytes([7]) * 16)]),
                subject=bytes([7]) * 16),
    ],
    ids=["a gap", "the same height", "another version before", "another consortium", "named a removal",
         "named a genesis", "another subject", "two newcomers", "nobody changed", "a name changed beside",
         "a swap", "an id of its own choice"],
)  # fmt: skip
def test_a_successor_that_does_not_make_exactly_its_one_change_is_refused(version):
    with pytest.raises(BrokenChain):
        check_proposal(FIRST, signed(version))


def test_a_successor_by_another_coordinator_is_refused():
    other = IdentityKey(b"o" * 32)
    with pytest.raises(BadSignature):
        check_proposal(FIRST, signed(ADMISSION, coordinator=other))
    with pytest.raises(BrokenChain):
        check_proposal(FIRST, signed(replace(ADMISSION, coordinator_key=other.public)))
    by_member = replace(signed(ADMISSION), version=key_of("Ash").sign(id_of("Ash"), ADMISSION))
    with pytest.raises(UnknownSigner):
        check_proposal(FIRST, by_member)


def test_a_genesis_signed_under_another_key_than_it_names_is_refused():
    with pytest.raises(BadSignature):
        check_genesis(signed(FIRST, *FOUNDERS, coordinator=IdentityKey(b"o" * 32)))


def test_one_member_counts_once():
    twice = signed(ADMISSION, "Fir", "Ash", "Ash", "Birch", "Cedar")
    with pytest.raises(BrokenChain, match="two by"):
        check_successor(FIRST, twice)


def test_an_approval_of_another_version_does_not_count():
    other = admitting(FIRST, "Gum")
    moved = replace(signed(ADMISSION), approvals=(approve(other, id_of("Ash"), key_of("Ash")),))
    with pytest.raises(BrokenChain, match="something else"):
        check_successor(FIRST, moved)


def test_a_stranger_cannot_approve():
    with pytest.raises(UnknownSigner):
        check_successor(FIRST, signed(ADMISSION, "Fir", "Gum", *FOUNDERS))


def test_the_coordinator_cannot_approve_in_a_members_place():
    own = COORDINATOR_KEY.sign(
        COORDINATOR, RosterApproval(consortium=FIRST.consortium, height=1, roster_hash=roster_hash(ADMISSION))
    )
    with pytest.raises(UnknownSigner):
        check_proposal(FIRST, replace(signed(ADMISSION), approvals=(own,)))


@pytest.mark.parametrize("change", [{"consortium": b""}, {"roster_hash": b"short"}])
def test_an_approval_of_nothing_in_particular_does_not_exist(change):
    with pytest.raises(MalformedMessage):
        RosterApproval(**{"consortium": bytes(16), "height": 1, "roster_hash": bytes(32)} | change)


def test_the_roll_holds_every_member_and_the_coordinator():
    assert roll(FIRST) == {COORDINATOR: COORDINATOR_KEY.public} | {
        id_of(name): key_of(name).public for name in FOUNDERS
    }
    assert FIRST.entry(id_of("Ash")).name == "Ash"
    with pytest.raises(UnknownSigner):
        FIRST.entry(id_of("Fir"))


@pytest.mark.parametrize(
    "change",
    [
        {"entries": tuple(reversed(FIRST.entries))},
        {"entries": (*FIRST.entries, FIRST.entries[-1])},
        {"entries": FIRST.entries[:1]},
        {"change": "rename"},
        {"subject": b""},
        {"previous": b""},
        {"consortium": b""},
        {"coordinator_key": FIRST.entries[0].identity_key},
    ],
)
def test_a_version_out_of_order_or_with_a_key_twice_does_not_exist(change):
    with pytest.raises(MalformedMessage):
        replace(FIRST, **change)


def test_a_coordinator_with_a_weak_key_has_no_roster():
    with pytest.raises(WeakKey):
        replace(FIRST, coordinator_key=bytes(32))


@pytest.mark.parametrize("field", ["name", "identity_key", "courier_key", "certificate"])
def test_two_members_never_share_a_name_or_a_key(field):
    ash = next(entry for entry in FIRST.entries if entry.name == "Ash")
    entries = tuple(
        replace(entry, **{field: getattr(ash, field)}) if entry.name == "Birch" else entry
        for entry in FIRST.entries
    )
    with pytest.raises(MalformedMessage, match="the same"):
        replace(FIRST, entries=entries)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"name": ""}, MalformedMessage),
        ({"name": " Ash"}, MalformedMessage),
        ({"name": "A\nsh"}, MalformedMessage),
        ({"name": "A" * 81}, MalformedMessage),
        ({"partner": COORDINATOR}, MalformedMessage),
        ({"partner": b""}, MalformedMessage),
        ({"courier_key": b""}, MalformedMessage),
        ({"certificate": b""}, MalformedMessage),
        ({"identity_key": bytes(32)}, WeakKey),
    ],
)
def test_an_entry_with_a_missing_or_weak_part_does_not_exist(change, error):
    with pytest.raises(error):
        replace(entry_of("Ash"), **change)


@given(st.integers(3, 9), st.data())
def test_exactly_the_quorum_decides_whoever_the_signers_are(n, data):
    names = [f"Company {number}" for number in range(n)]
    first = genesis(*names)
    second = admitting(first, "Newcomer")
    signers = data.draw(st.lists(st.sampled_from(names), unique=True))
    proposal = signed(second, "Newcomer", *signers)
    if len(signers) >= quorum(n):
        assert check_successor(first, proposal) == second
    else:
        with pytest.raises(BrokenChain):
            check_successor(first, proposal)


def walk(chain):
    """Check a chain from its genesis, as a node that joins does."""
    version = check_genesis(decode(SignedRoster, bytes.fromhex(chain[0])))
    for link in chain[1:]:
        version = check_successor(version, decode(SignedRoster, bytes.fromhex(link)))
    return version


@pytest.mark.parametrize("operation", VECTORS["operations"], ids=lambda operation: operation["name"])
def test_chains_from_the_vectors_hold_and_bad_ones_are_refused(operation):
    if is_bad(operation):
        with pytest.raises(AltroveError) as caught:
            walk(operation["chain"])
        assert caught.value.code == operation["code"]
    else:
        version = walk(operation["chain"])
        assert roster_hash(version).hex() == operation["hash"]
        assert version.height == len(operation["chain"]) - 1
        assert (
            encode(decode(SignedRoster, bytes.fromhex(operation["chain"][-1]))).hex()
            == operation["chain"][-1]
        )
