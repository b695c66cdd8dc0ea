"""Wherever the coordinator shows a question or a release it says what protects a customer, or that nothing does."""

from io import StringIO

import pytest
from rich.console import Console
from typer.testing import CliRunner

from coordinator import cli, shown
from coordinator.admin_client import Admin
from coordinator.api import shapes
from tests.simulation.rig import founded

PLAIN = {"until": "2017-08-14T04:00:00Z", "customers_cap": "100"}
NOISY = {**PLAIN, "row_scheme": "unit", "noise": "2.45"}


@pytest.fixture
def rig(tmp_path):
    made = founded(tmp_path / "home")
    made.token = {"Authorization": f"Bearer {made.services.home.admin_token.read_text()}"}
    yield made
    made.close()


def ask(rig, parameters):
    asked = {"question": "taste", "parameters": parameters}
    return rig.admin.post("/admin/v1/rounds", json=asked, headers=rig.token).json()["round"]


def got(rig, path, kind):
    return kind.model_validate(rig.admin.get(f"/admin/v1{path}", headers=rig.token).json())


def printed(show, *values):
    text = StringIO()
    show(Console(file=text, width=200), *values)
    return " ".join(text.getvalue().split())


def test_a_question_and_a_release_without_noise_are_shown_nowhere_without_saying_so(rig):
    number = ask(rig, PLAIN)
    page = rig.admin.get(f"/rounds/{number}").text
    assert "no differential privacy in what this round asks" in page
    assert '<dt>Differential privacy</dt><dd class="figure">none</dd>' in page
    rig.play(number)
    round_ = got(rig, f"/rounds/{number}", shapes.RoundReply)
    release = got(rig, f"/releases/{round_.release}", shapes.ReleaseReply)
    for reply in (round_, release):
        assert (reply.differentially_private, reply.privacy) == (False, "no differential privacy")
    assert "privacy state companies attempts asked seconds 1 taste none released" in printed(
        shown.show_rounds, [round_]
    )
    assert "Privacy of one customer: no differential privacy." in printed(shown.show_round, round_)
    assert "No differential privacy" in printed(shown.show_releases, [release])
    assert "taste none 5" in printed(shown.show_releases, [release])
    assert "Privacy of one customer: no differential privacy." in printed(shown.show_release, release)
    ask(rig, NOISY)
    earlier = rig.admin.get("/").text
    assert earlier.count('data-label="Privacy">none<') == 2  # the release, and the earlier round


def test_a_question_with_noise_says_what_the_noise_hides_and_names_no_price_of_the_coordinators(rig):
    number = ask(rig, NOISY)
    round_ = got(rig, f"/rounds/{number}", shapes.RoundReply)
    assert round_.differentially_private
    assert "epsilon" not in round_.privacy
    assert "each company's ledger has the price" in printed(shown.show_round, round_)
    assert "1 taste noise open" in printed(shown.show_rounds, [round_])
    page = rig.admin.get(f"/rounds/{number}").text
    assert "no differential privacy" not in page
    assert '<dt>Differential privacy</dt><dd class="figure">noise</dd>' in page


def test_asking_and_inviting_say_it_at_the_terminal(rig, monkeypatch):
    assert "no differential privacy" in " ".join(
        CliRunner().invoke(cli.cli, ["ask", "--help"]).output.split()
    )
    monkeypatch.setattr(cli, "Admin", lambda _home: Caller(rig))
    said = CliRunner().invoke(
        cli.cli, ["ask", "taste", *(f"{name}={value}" for name, value in PLAIN.items())]
    )
    assert "Privacy of one customer: no differential privacy." in said.output
    invited = CliRunner().invoke(cli.cli, ["invite", "Halley"])
    assert "has no differential privacy" in " ".join(invited.stderr.split())
    assert invited.stdout.count("\n") == 1


class Caller(Admin):
    """The command line's client, over the rig's app instead of a socket."""

    def __init__(self, rig):
        self._client = Wire(rig)


class Wire:
    """As `protocols.service.client.ServiceClient`, as far as it is asked for."""

    def __init__(self, rig):
        self._rig = rig

    def get(self, path, params=None):
        return self._rig.admin.get(path, params=params, headers=self._rig.token)

    def request(self, method, path, *, json):
        return self._rig.admin.request(method, path, json=json, headers=self._rig.token)
