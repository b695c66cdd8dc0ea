"""What the daemon says when it starts."""

from coordinator import launch
from coordinator.home import Home, initialise
from coordinator.settings import load
from protocols.service import tls
from protocols.service.clock import SystemClock, iso


def test_serve_says_where_it_is_and_when_its_certificate_ends(tmp_path, monkeypatch, capsys):
    class Daemon:
        def __init__(self, services, carrier):
            self.services = services

        def run(self):
            self.services.close()

    monkeypatch.setattr(launch, "Daemon", Daemon)
    monkeypatch.setattr(launch, "configure", lambda **_: None)
    settings = load(tmp_path / "home", courier="off")
    initialise(settings, "C", SystemClock())
    launch.serve(settings)
    said = capsys.readouterr().out
    assert "members https://127.0.0.1:7402" in said
    assert f"ends on {iso(tls.ends_at(Home(folder=settings.home).server[0]))}" in said
