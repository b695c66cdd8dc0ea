"""Training by rounds: it stops when nothing gets better, goes on where it stood, and asks nothing twice."""

import numpy as np
import pytest

from coordinator import training
from coordinator.api import shapes
from coordinator.errors import RoundFailed
from coordinator.plain import plain
from coordinator.train_cli import wanted
from coordinator.training import EncoderTraining
from protocols.errors import BadInput, MalformedMessage
from protocols.questions import question_named
from protocols.questions.evaluation import METRICS
from tests.simulation.rig import founded

TASTE = "ab" * 32
WORDS = [f"taste={TASTE}", "until=2017-08-14", "hidden=2", "latent=1"]
WEEKS = "history_until=2017-08-14 target_until=2017-10-02 mixes=100:0:0,100:30:0"
ASKING = shapes.AskRequest(question="", phase_seconds=[10, 10, 30, 10, 10])
SURPRISE = (0.05, 0.07, 0.08, 0.079, 0.078, 0.09, 0.01, 0.01, 0.01)
"""The members' means after each round: no better after the third, for two rounds."""


class Members:
    """A consortium as the admin API shows it; members answer at once, and vote when somebody waits for them."""

    def __init__(self, surprise=SURPRISE, *, fails_at=0, silent=False):
        self.surprise, self.fails_at, self.silent = surprise, fails_at, silent
        self.asked, self.made, self.open, self.said = [], [], [], []

    def ask(self, asked):
        if self.open:
            raise AssertionError("rounds run one after another")
        self.asked.append(asked)
        number = len(self.asked)
        if number != self.fails_at:
            self.made.append(self._release(number, asked))
        self.open = [number]
        return number

    def _release(self, number, asked):
        parameters = plain(question_named(asked.question).parse(asked.parameters))
        release = f"{number:02d}" * 32
        readings = []
        if asked.question == "evaluation":
            place = [each.release for each in self.made if each.questions == ["encoder"]].index(
                asked.parameters["encoder"]
            )
            best = {"best": self.surprise[place], "best_mix": {"words": "1 x encoder", "encoder": 100}}
            readings = [dict.fromkeys(METRICS, best)]
        return shapes.ReleaseReply(
            release=release,
            round=number,
            attempt=1,
            questions=[asked.question],
            description=[],
            survivors=["Ceres", "Dione"],
            at=0,
            votes=[],
            linear_check=None,
            differentially_private=False,
            privacy="",
            asked=[parameters],
            readings=readings,
        )

    def rounds(self, _limit):
        return [view(number, "open") for number in self.open]

    def releases(self):
        return [each.model_copy(update={"readings": []}) for each in self.made]

    def release(self, release):
        return next(each for each in self.made if each.release == release)

    def follow(self, number):
        self.open = []
        if number == self.fails_at:
            return view(number, "failed")
        return view(number, "released", self.made[-1].release)

    def vote(self, _seconds):
        """Time passes: one more member has received the newest release."""
        newest = self.made[-1]
        missing = [name for name in newest.survivors if name not in [vote.voter for vote in newest.votes]]
        if missing and not self.silent:
            newest.votes.append(
                shapes.VoteReply(voter=missing[0], accept=True, reason="", looked_at="recomputed")
            )

    def train(self, evaluate=WEEKS, **change):
        given = {"rounds": 10, "patience": 2, "metric": "surprise", "asking": ASKING} | change
        made = wanted(WORDS, evaluate, **given)
        return EncoderTraining(self, made, follow=self.follow, say=self.said.append, sleep=self.vote).run()

    def questions(self):
        return [each.question for each in self.asked]


def view(number, state, release=""):
    attempt = shapes.AttemptReply(
        attempt=1, phase="aborted", cohort=[], survivors=[], phases=[], routes={}, bytes_up={}, courier_errors={},
        equivocations=[], deadlines=[], cause="", reason="too few answers" if state == "failed" else "", missing=[],
        next_step="ask again" if state == "failed" else "",
    )  # fmt: skip
    return shapes.RoundReply(
        round=number, question="", description="", state=state, asked_at=0, ended_at=0, elements=1, vector_bytes=4,
        threshold=4, minimum_cohort=4, suite=1, retries_left=0, sequence=1, release=release,
        differentially_private=False, privacy="", attempts=[attempt],
    )  # fmt: skip


def test_each_round_comes_after_the_one_before_and_is_evaluated():
    members = Members()
    members.train(rounds=3)
    assert members.questions() == ["encoder", "evaluation"] * 3
    encoders = [each.parameters["after"] for each in members.asked if each.question == "encoder"]
    released = [each.release for each in members.made if each.questions == ["encoder"]]
    assert encoders == ["", *released[:-1]]
    assert [each.parameters["encoder"] for each in members.asked if each.question == "evaluation"] == released
    assert {each.parameters["release"] for each in members.asked if each.question == "evaluation"} == {TASTE}


def test_it_ends_after_rounds_that_were_no_better_and_the_best_one_is_the_result():
    members = Members()
    best = members.train()
    assert (
        members.questions().count("encoder") == 5
    )  # 3 is the best, 4 and 5 are no better, 6 is not asked for
    assert (best.number, best.means["surprise"]) == (3, 0.08)
    assert best.release == [each.release for each in members.made if each.questions == ["encoder"]][2]
    assert Members().train(patience=3).number == 6  # who waits longer sees the sixth
    assert any("Best: round 3" in line for line in members.said)


def test_given_again_it_asks_nothing_that_was_answered():
    members = Members()
    first = members.train()
    before = len(members.asked)
    assert members.train() == first
    assert len(members.asked) == before


@pytest.mark.parametrize("fails_at", range(1, 8))
def test_a_training_that_was_stopped_anywhere_goes_on_from_there(fails_at):
    whole = Members()
    best = whole.train()
    stopped = Members(fails_at=fails_at)
    with pytest.raises(RoundFailed, match="too few answers"):
        stopped.train()
    resumed = stopped.train()
    assert (resumed.number, resumed.means) == (best.number, best.means)
    assert len(stopped.asked) == len(whole.asked) + 1  # the failed round, once more


def test_a_round_that_is_open_when_it_begins_is_waited_for():
    members = Members()
    members.ask(ASKING.model_copy(update={"question": "encoder", "parameters": parameters()}))
    members.train(rounds=1)
    assert members.questions() == ["encoder", "evaluation"]


def parameters():
    return {**wanted(WORDS, "", rounds=1, patience=1, metric="surprise", asking=ASKING).encoder, "after": ""}


def test_other_parameters_are_another_training():
    members = Members()
    members.train(rounds=2)
    WORDS.append("epochs=3")
    try:
        members.train(rounds=1)
    finally:
        WORDS.pop()
    assert members.asked[-2].parameters["after"] == ""


def test_without_evaluation_all_rounds_are_made_and_the_last_is_the_result():
    members = Members()
    best = members.train("", rounds=4)
    assert members.questions() == ["encoder"] * 4
    assert (best.number, best.means) == (4, {})


def test_a_question_about_a_release_waits_until_the_members_have_it_but_not_for_ever(monkeypatch):
    members = Members()
    members.train(rounds=1)
    assert {vote.voter for vote in members.made[0].votes} == {"Ceres", "Dione"}
    monkeypatch.setattr(training, "SETTLE_S", 3)
    deaf = Members(silent=True)
    deaf.train(rounds=1)
    assert any("without them" in line for line in deaf.said)


def test_a_metric_or_word_that_is_none_is_refused():
    with pytest.raises(BadInput, match="--metric"):
        Members().train(metric="luck")
    with pytest.raises(BadInput, match="name=value"):
        wanted(["taste"], "", rounds=1, patience=1, metric="surprise", asking=ASKING)
    with pytest.raises((BadInput, MalformedMessage)):
        Members().train(f"{WEEKS} top=0")


def test_over_the_real_daemon_a_chain_of_sums_comes_out(tmp_path, monkeypatch):
    """The real planner, rounds and API: members answer with a move of 0.01 times their number of customers."""
    monkeypatch.setattr(training, "SETTLE_S", 0)
    rig = founded(tmp_path / "home")
    token = {"Authorization": f"Bearer {rig.services.home.admin_token.read_text()}"}
    get = lambda path: rig.admin.get(f"/admin/v1{path}", headers=token).json()  # noqa: E731

    class Wire:
        def ask(self, asked):
            posted = asked.model_dump(exclude_none=True)
            return rig.admin.post("/admin/v1/rounds", json=posted, headers=token).json()["round"]

        def rounds(self, limit):
            return [shapes.RoundReply.model_validate(each) for each in get(f"/rounds?limit={limit}")]

        def releases(self):
            return [shapes.ReleaseReply.model_validate(each) for each in get("/releases")]

        def release(self, release):
            return shapes.ReleaseReply.model_validate(get(f"/releases/{release}"))

    def follow(number):
        asked = get(f"/rounds/{number}")
        for member in rig.members:
            cells = np.full(asked["elements"], 0.1)  # ten customers, 0.01 each
            cells[-1] = 10 * 0.25
            member.answer = np.rint(np.ldexp(cells, 24)).astype(np.int64)
            if asked["question"] == "evaluation":
                member.answer = np.array([4, 1, 2, 4, 1, 3], dtype=np.int64) << 24
        rig.play(number)
        return shapes.RoundReply.model_validate(get(f"/rounds/{number}"))

    words = [f"taste={TASTE}", "until=1500000000", "hidden=2", "latent=1", "customers_cap=100"]
    weeks = "history_until=100 target_until=200 customers_cap=100 mixes=100:0:0,100:30:0"
    said = []

    def train(evaluate, rounds):
        made = wanted(words, evaluate, rounds=rounds, patience=2, metric="surprise", asking=ASKING)
        return EncoderTraining(Wire(), made, follow=follow, say=said.append, sleep=lambda _: None).run()

    best = train(weeks, 1)
    assert (best.number, best.means) == (1, {"explore": 0.5, "surprise": 0.75})
    assert best.mixtures["surprise"] == "1 x encoder + 0.3 x EASE"
    assert train("", 2).number == 2  # goes on after the first
    assert [each.questions for each in Wire().releases()] == [["encoder"], ["evaluation"], ["encoder"]]
    assert Wire().releases()[-1].asked[0]["after"] == best.release
    reading = Wire().release(best.release).readings[0]
    assert reading["customers"] == pytest.approx(50, abs=0.01)
    assert reading["change"] == pytest.approx([0.01] * 27, abs=1e-6)
    rig.close()
