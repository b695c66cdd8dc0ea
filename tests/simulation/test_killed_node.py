"""A real node daemon, killed with SIGKILL once in every phase, against the real coordinator over TLS.

Three companies, all of whom are needed: the round can only end well if the killed node comes back and goes
on where it was, with the same bytes.
"""

import subprocess
import time

import numpy as np
import pytest
from typer.testing import CliRunner

from coordinator.api import shapes
from participant.answers import AnswerContext
from participant.cli import app as cli
from participant.home import Home
from participant.preparation import fill_all
from participant.store.attempts import Attempts
from participant.store.membership import Membership
from participant.store.outbox import Outbox
from participant.store.records import Records
from participant.store.schema import open_database
from protocols.identity import IdentityKey
from protocols.messages import PHASES, Phase
from protocols.questions import ask
from protocols.service.flower import free_port
from protocols.service.unit_of_work import reading
from tests.participant.purchases import write_purchases
from tests.simulation.real_daemons import PROGRAM, Daemon, NodeDaemon, TlsMember, learn_keys

pytestmark = [pytest.mark.enable_socket, pytest.mark.timeout(240)]
CONCEPTS = ["BREAD", "MILK", "WINE"]
UNTIL = 1_690_000_000
ENVIRONMENT = {
    "ALTROVE_NODE_COURIER__MODE": "off",
    "ALTROVE_NODE_EXCHANGE__BACKOFF_MAX_S": "1",
    "ALTROVE_NODE_POLICY__MINIMUM_COHORT": "3",
    "ALTROVE_NODE_POLICY__CUSTOMERS_FLOOR": "2",
    "ALTROVE_NODE_POLICY__ACCEPT_TWO_EXPOSE_THE_THIRD": "true",
}
WITHOUT_WAITING = (Phase.SHARE, Phase.CHECK)
"""Phases in which the node is killed as soon as the phase opens: before, in or after its act."""


def verb(*words):
    said = CliRunner().invoke(cli, [*words], env=ENVIRONMENT)
    assert said.exit_code == 0, said.output
    return said.output


def until(condition, what, seconds=90):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.05)


@pytest.fixture(scope="module")
def consortium(tmp_path_factory):
    """The coordinator, two simulated members, and a node that has joined and read its purchases."""
    tmp_path = tmp_path_factory.mktemp("killed")
    daemon = Daemon(tmp_path)
    node = NodeDaemon(tmp_path / "node", ENVIRONMENT)
    home = ("--home", str(node.home))
    members = [TlsMember(f"m{i}", IdentityKey(bytes([i + 1]) * 32)) for i in range(2)]
    for member in members:
        member.enrol(daemon.admin, tmp_path)
    invitation = daemon.admin.invite("Node", 1).invitation
    verb("join", "--invite", invitation, "--port", str(free_port()), *home)
    daemon.admin.change_roster("found")
    for member in members:
        member.approve()
    verb("roster", "--accept", daemon.admin.roster().proposal.hash, *home)
    own = Home(root=node.home).identity_key()
    with reading(open_database(Home(root=node.home).database)) as connection:
        me = Membership(connection).get().partner
    learn_keys(members, {me: own.public})
    daemon.admin.publish("words", CONCEPTS)
    sales, catalogue = write_purchases(tmp_path, CONCEPTS, until=UNTIL)
    verb("connect", str(sales), "--catalogue", str(catalogue), *home)
    node.start()
    yield daemon, members, node
    assert (node.stop(), daemon.stop()) == (0, 0)


def own_answer(node, asked):
    """What the node must have answered, from its records."""
    home = Home(root=node.home)
    db = open_database(home.database)
    with reading(db) as connection:
        vocabulary = Membership(connection).vocabulary()
    spec = ask([(asked.question, asked.parameters)], vocabulary, members=3, epoch=asked.epoch)
    context = AnswerContext(records=Records(home.root, db), vocabulary=vocabulary, released=lambda _: None)
    return fill_all(spec, context)


def test_a_node_killed_in_every_phase_completes_the_round_once(consortium):
    daemon, members, node = consortium
    asked = shapes.AskRequest(question="taste", parameters={"until": UNTIL, "customers_cap": 100})
    number = daemon.admin.ask(asked)

    def newest():
        return daemon.admin.round(number).attempts[-1]

    kills = []
    for phase in PHASES:
        until(lambda phase=phase: newest().phase == phase.value, f"{phase} never opened")
        if phase not in WITHOUT_WAITING:
            until(lambda: "Node" in newest().phases[-1].arrived, f"the node is silent in {phase}")
        node.kill()
        kills.append(phase)
        node.start()
        for member in members:
            member.poll()
    until(lambda: daemon.admin.round(number).state != "open", "the round does not end")
    view = daemon.admin.round(number)
    assert kills == list(PHASES)
    assert (view.state, len(view.attempts)) == ("released", 1)
    assert newest().equivocations == []
    assert all(member.unmasked == [(number, 1)] for member in members)
    cells = daemon.admin.release(view.release).readings[0]["gram"]
    upper = [cells[i][j] for i in range(3) for j in range(i, 3)]
    total = own_answer(node, asked) + sum(member.answer for member in members)
    np.testing.assert_array_equal(upper, total / 2**24)
    until(lambda: "Node" in str(daemon.admin.release(view.release).votes), "the node does not vote")
    with reading(open_database(Home(root=node.home).database)) as connection:
        (attempt,) = Attempts(connection).of_round(number)
        records = Outbox(connection).recent(50)
    assert (attempt.state, attempt.reason) == ("Unmasked", "unmasked")
    assert [record.kind for record in records].count(Phase.UNMASK.value) == 1
    assert list((node.home / "secrets").iterdir()) == []
    verified = subprocess.run(
        (*PROGRAM, "audit", "verify", "--home", str(daemon.home)), capture_output=True, text=True, check=False
    )
    assert verified.returncode == 0, verified.stdout


def test_an_opt_out_beside_the_running_daemon_ends_its_part_of_the_round(consortium):
    daemon, members, node = consortium
    asked = shapes.AskRequest(
        question="taste", parameters={"until": UNTIL, "customers_cap": 100}, epoch="left", retries=0
    )
    before = set((node.home / "vectors").iterdir())
    number = daemon.admin.ask(asked)

    def newest(of):
        return daemon.admin.round(of).attempts[-1]

    def passed(of, phase, acted):
        for member in members:
            if member.name not in acted and member.poll() is phase:
                acted.add(member.name)
        return newest(of).phase != phase.value

    for phase in PHASES[:3]:
        until(lambda phase=phase: newest(number).phase == phase.value, f"{phase} never opened")
        until(lambda: "Node" in newest(number).phases[-1].arrived, "the node is silent")
        if phase is Phase.MASK:
            said = verb("opt-out", "c0", "--home", str(node.home))
            assert f"Masked bytes of it may have left in round {number}" in said
        acted = set()
        until(lambda phase=phase, acted=acted: passed(number, phase, acted), f"{phase} does not end")
    with reading(open_database(Home(root=node.home).database)) as connection:
        (attempt,) = Attempts(connection).of_round(number)
    assert (attempt.state, attempt.reason) == ("Closed", "a customer opted out")
    assert list((node.home / "secrets").iterdir()) == []
    assert set((node.home / "vectors").iterdir()) == before
    daemon.admin.abort(number, "the company withdrew")
    again = daemon.admin.ask(asked.model_copy(update={"epoch": "afterwards"}))
    deadline = time.monotonic() + 60
    while daemon.admin.round(again).state == "open" and time.monotonic() < deadline:
        for member in members:
            member.poll()
        time.sleep(0.1)
    view = daemon.admin.round(again)
    assert view.state == "released"
    cells = daemon.admin.release(view.release).readings[0]["gram"]
    assert cells[0][0] == 5 + sum(member.answer[0] for member in members) / 2**24
