"""The consortium's courier: Flower's SuperLink, SuperExec and the run that carries sealed bytes."""

from coordinator.courier.errors import CourierBroken, CourierRefused, CourierUnreachable
from coordinator.courier.fleet import Fleet, FleetHealth, FleetSettings

__all__ = ["CourierBroken", "CourierRefused", "CourierUnreachable", "Fleet", "FleetHealth", "FleetSettings"]
