"""`altrove-node join`, with a coordinator that enrols whoever asks."""

import json
from contextlib import contextmanager

import pytest
from sqlalchemy import inspect
from typer.testing import CliRunner

from participant import joining
from participant.cli import app as cli
from participant.home import Home
from participant.store.membership import Membership
from participant.store.schema import open_database
from protocols.codec import decode
from protocols.enrolment import Invitation, open_join
from protocols.identity import Signed
from protocols.service import tls
from protocols.service.clock import iso
from protocols.service.unit_of_work import reading
from tests.participant.asked import NOW
from tests.participant.fake_coordinator import CONSORTIUM
from tests.participant.nodes import AUTHORITY

INVITATION = Invitation(
    enrol_url="https://127.0.0.1:1",
    partner_url="https://127.0.0.1:2",
    authority=AUTHORITY.certificate.decode(),
    secret=bytes(32),
    name="Ceres Market",
)


class Enrolling:
    """The enrolment listener: one path, one answer."""

    def request(self, method, path, *, content, headers):
        assert (method, path) == ("POST", "/v1/join")
        request = open_join(decode(Signed, content))
        issued = tls.issue_client(AUTHORITY, request.certificate_request.encode(), request.partner, NOW)
        reply = {
            "partner": request.partner.hex(),
            "certificate": issued.decode(),
            "ca": INVITATION.authority,
            "consortium": CONSORTIUM.hex(),
        }
        return type("Response", (), {"content": json.dumps(reply).encode()})


@pytest.fixture
def join(tmp_path, monkeypatch):
    @contextmanager
    def client(invitation, proxy):
        assert invitation == INVITATION
        yield Enrolling()

    monkeypatch.setattr(joining, "enrolment_client", client)
    words = ["join", "--invite", INVITATION.text(), "--home", str(tmp_path / "home")]

    def run(**environment):
        return CliRunner().invoke(cli, words, env=environment)

    return run


def test_joining_says_until_when_the_certificate_holds(join):
    said = join()
    assert said.exit_code == 0, said.output
    assert f"ends on {iso(NOW + tls.LEAF_DAYS * 86_400)}" in said.output


def test_the_membership_is_kept_in_the_database_that_the_settings_name(join, tmp_path, database_url):
    said = join(ALTROVE_NODE_DATABASE=database_url)
    assert said.exit_code == 0, said.output
    db = open_database(database_url)
    with reading(db) as connection:
        assert Membership(connection).get().name == INVITATION.name
    db.dispose()
    assert not (tmp_path / "home" / "node.db").exists()


def test_without_a_setting_the_membership_is_kept_in_the_home(join, tmp_path):
    join()
    db = open_database(Home(root=tmp_path / "home").database)
    assert "membership" in inspect(db).get_table_names()
    with reading(db) as connection:
        assert Membership(connection).get().name == INVITATION.name
    db.dispose()
