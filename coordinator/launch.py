"""Starting the daemon from its settings: services, courier, listeners."""

from rich.console import Console

from coordinator.app import Carrier, Daemon
from coordinator.home import Home
from coordinator.services import Services, build
from coordinator.settings import Settings
from protocols.service import tls
from protocols.service.clock import SystemClock, iso
from protocols.service.logging import configure


def serve(settings: Settings) -> None:
    """Run one coordinator until it is told to stop.

    Raises:
        NotInitialised: `init` has not been run.
        PortTaken, CannotListen: a listener cannot be opened; nothing was started.
    """
    home = Home(folder=settings.home)
    home.log.parent.mkdir(parents=True, exist_ok=True)
    configure(file=home.log, level=settings.log_level)
    services = build(settings, SystemClock())
    daemon = Daemon(services, _fleet(services) if settings.courier == "flower" else None)
    Console(highlight=False, soft_wrap=True).print(
        f"{services.consortium.name}: console http://{settings.admin_host}:{settings.admin_port}/  "
        f"members https://{settings.reached_at}:{settings.partner_port}  "
        f"enrolment https://{settings.reached_at}:{settings.enrol_port}  log {home.log}\n"
        f"The certificate ends on {iso(tls.ends_at(home.server[0]))}, and nothing renews it yet."
    )
    daemon.run()


def _fleet(services: Services) -> Carrier:
    """Flower's supervisor. Imported here: without a courier the daemon needs no Flower at all."""
    from coordinator.courier import Fleet, FleetSettings

    settings, home = services.settings, services.home
    certificate, key = home.server
    return Fleet(
        FleetSettings(
            home=home.fleet,
            host=settings.host,
            port=settings.fleet_port,
            certificate=certificate,
            key=key,
            ca=home.authority[0],
            dock=home.dock,
            signature=home.bundle_signature,
        ),
        on_run=services.dock.serve_run,
    )
