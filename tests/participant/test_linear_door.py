"""The door's two messages of the linear check: about one release an attempt, once each, the same after a crash."""

import shutil
from dataclasses import replace

import pytest

from participant.door.payloads import ARMED
from participant.errors import SecretsErased
from participant.linear_desk import WATCHING
from participant.store.checks import Checks, StoredCheck
from protocols.codec import decode, encode
from protocols.errors import Equivocation, Stopped, WrongMembers, WrongTranscript
from protocols.messages import Phase
from protocols.release import ReleaseManifest, unpack
from protocols.ring import encode_vector, lift
from protocols.secure_sum import linear_check
from protocols.secure_sum.linear_check import LinearAnswer, Opening
from protocols.secure_sum.linear_function import Q, inner
from protocols.service.unit_of_work import reading, transaction
from tests.participant.door_play import POLICY, Crash, Play, Steps, silence

CHECKING = replace(POLICY, recomputed_members=2)
OTHER = bytes([7]) * 32
AT = (1, 1)


def released(root, policy=CHECKING):
    play = Play(root, policy=policy)
    play.finish(play.ask())
    return play


@pytest.fixture
def play(tmp_path):
    return released(tmp_path / "home")


def release_of(play):
    return next(reversed(play.coordinator.releases))


def openings(play, at=AT):
    """Everybody's, the door's among them."""
    release = release_of(play)
    return [play.door.linear.open(at, release), *(peer.opening(release) for peer in play.peers)]


def checks(play):
    with reading(play.door._db) as connection:
        return Checks(connection).all()


def crash():
    raise Crash


def test_a_release_that_is_published_before_the_unmasking_does_not_keep_it_from_unmasking(tmp_path):
    play = Play(tmp_path / "home", policy=CHECKING)
    attempt = play.ask()
    watched = StoredCheck(
        round=1, attempt=1, state=WATCHING, sealed=b"", until=0, release=OTHER, manifest=b"early"
    )
    with transaction(play.door._db) as connection:
        Checks(connection).add(watched)
    play.finish(attempt)
    (check,) = checks(play)
    assert (check.state, check.release) == (ARMED, b"")
    assert play.door.linear.open(AT, release_of(play))


def test_its_answer_and_those_of_the_others_fit_the_released_sum(play):
    said, config = openings(play), play.coordinator.attempts[0].config
    answers = [play.door.linear.answer(AT, said), *(peer.linear_answer(config, said) for peer in play.peers)]
    signed, payload = play.coordinator.releases[release_of(play)]
    total = unpack(payload, decode(ReleaseManifest, signed.body))
    linear_check.check(play.door.linear.claim(AT), config, said, answers, total, roll=play.coordinator.roll)


def test_it_opens_for_one_release_an_attempt_for_ever(play):
    release = release_of(play)
    first = play.door.linear.open(AT, release)
    for _ in range(2):
        assert play.door.linear.open(AT, release) == first
        with pytest.raises(Equivocation):
            play.door.linear.open(AT, OTHER)
        play.reopen()
    play.door.linear.end(AT)
    assert play.door.linear.open(AT, release) == first
    with pytest.raises(Equivocation):
        play.door.linear.open(AT, OTHER)


def test_it_answers_one_set_of_openings_an_attempt_for_ever(play):
    said = openings(play)
    first = play.door.linear.answer(AT, said)
    forged = replace(decode(Opening, said[1].body), rho=bytes(32))
    others = [said[0], play.peers[0].company.key.sign(said[1].signer, forged), *said[2:]]
    for _ in range(2):
        assert play.door.linear.answer(AT, said[::-1]) == first
        with pytest.raises(Equivocation):
            play.door.linear.answer(AT, others)
        play.reopen()


def test_it_answers_nothing_but_the_openings_of_all_survivors_for_the_release_that_it_saw(play):
    said = openings(play)
    with pytest.raises(WrongMembers):
        play.door.linear.answer(AT, said[:3])
    other = replace(decode(Opening, said[1].body), release=OTHER)
    with pytest.raises(WrongTranscript, match="release"):
        play.door.linear.answer(
            AT, [said[0], play.peers[0].company.key.sign(said[1].signer, other), *said[2:]]
        )
    assert play.door.linear.answer(AT, said)  # the refusals committed nothing


def test_a_retry_of_the_same_sealed_vector_is_masked_afresh(play):
    masks = set()
    for number in (1, 2):
        at = (1, number)
        said, config = openings(play, at), play.coordinator.attempts[-1].config
        z = decode(LinearAnswer, play.door.linear.answer(at, said).body).z
        roll = play.coordinator.roll
        stream = linear_check.challenge(play.door.linear.claim(at), config, said, roll)
        own = lift(encode_vector(play.own, config.answer, silence), config.answer.ring_bits)
        masks.add((z - inner(stream, [own])) % Q)
        if number == 1:
            play.finish(play.coordinator.retry(play.coordinator.attempts[0]))
    assert len(masks) == 2
    assert 0 not in masks


def test_a_stopped_door_says_nothing_in_a_check(play):
    said = openings(play)
    play.door.switch.stop()
    with pytest.raises(Stopped):
        play.door.linear.open(AT, release_of(play))
    with pytest.raises(Stopped):
        play.door.linear.answer(AT, said)


def test_the_secrets_of_a_check_outlive_the_attempt_and_end_with_it(play):
    (check,) = checks(play)
    assert check.key == AT
    assert [path.name for path in (play.root / "secrets").iterdir()] == ["1-1.check"]
    play.reopen()
    said = openings(play)
    play.door.linear.end(AT)
    assert checks(play) == ()
    assert list((play.root / "secrets").iterdir()) == []
    with pytest.raises(SecretsErased):
        play.door.linear.answer(AT, said)


def test_a_key_that_a_crash_left_behind_is_erased_at_the_next_start(play):
    stray = play.root / "secrets" / "9-9.check"
    stray.write_bytes(bytes(32))
    play.reopen()
    assert [path.name for path in (play.root / "secrets").iterdir()] == ["1-1.check"]


def test_a_sum_that_everybody_recomputes_leaves_no_secret(tmp_path):
    play = released(tmp_path / "small", POLICY)
    assert checks(play) == ()
    assert list((play.root / "secrets").iterdir()) == []


def test_no_check_is_armed_where_a_survivor_never_confirmed(tmp_path):
    play = Play(tmp_path / "home", policy=CHECKING)
    attempt = play.ask()
    while attempt.phase is not Phase.CHECK:
        play.peers_act(attempt)
        play.door_acts(attempt)
    for _ in (Phase.CHECK, Phase.UNMASK):
        play.peers_act(attempt, without=frozenset({0}))
        play.door_acts(attempt)
        play.coordinator.close(attempt)
    assert checks(play) == ()
    with pytest.raises(SecretsErased):
        play.door.linear.open(AT, release_of(play))


def test_a_crash_at_any_durable_step_of_the_check_sends_no_other_bytes(play, tmp_path):
    release, others = release_of(play), [peer.opening(release_of(play)) for peer in play.peers]
    pristine = play.root

    def say(sent):
        sent["opening"].add(encode(play.door.linear.open(AT, release)))
        said = [play.door.linear.open(AT, release), *others]
        sent["answer"].add(encode(play.door.linear.answer(AT, said)))
        play.door.linear.end(AT)

    def at_a_copy(name):
        play.door._db.dispose()
        play.root = tmp_path / name
        shutil.copytree(pristine, play.root)
        play.reopen()

    at_a_copy("count")
    counted = Steps(-1, crash)
    with counted.watching():
        say({"opening": set(), "answer": set()})
    assert counted.seen >= 6
    seen = set()
    for die_at in range(1, counted.seen + 1):
        at_a_copy(f"home-{die_at}")
        sent = {"opening": set(), "answer": set()}
        steps = Steps(die_at, crash)
        with steps.watching(), pytest.raises(Crash):
            say(sent)
        play.reopen()
        if checks(play):
            say(sent)
        assert all(len(bodies) == 1 for bodies in sent.values()), die_at
        assert list((play.root / "secrets").iterdir()) == []
        seen.add(tuple(sent["opening"] | sent["answer"]))
    assert len({frozenset(each) for each in seen}) == 1  # the same in every run


def test_a_vector_that_an_erasure_closed_stays_until_its_check_has_ended_and_not_longer(play):
    said = openings(play)
    withdrawal = play.door.withdrawal("a customer was erased")
    with transaction(play.door._db) as connection:
        withdrawal.close_unmasked(connection)
    withdrawal.erase()
    play.reopen()
    play.door.recover()
    assert [path.suffix for path in (play.root / "vectors").iterdir() if path.suffix == ".sealed"]
    assert play.door.linear.answer(AT, said)
    play.door.linear.end(AT)
    assert not [path for path in (play.root / "vectors").iterdir() if path.suffix == ".sealed"]
