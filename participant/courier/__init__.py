"""The company's courier: Flower's SuperNode and SuperExec, which carry sealed bytes and nothing else."""

from participant.courier.courier import Courier, CourierSettings, courier_key_pair
from participant.courier.files import CourierFiles
from participant.courier.pipe import FleetPipe, Route
from participant.courier.sandbox import Isolation, courier_user, find_isolation, why_no_sandbox
from participant.courier.trust import trust, trusted

__all__ = [
    "Courier",
    "CourierFiles",
    "CourierSettings",
    "FleetPipe",
    "Isolation",
    "Route",
    "courier_key_pair",
    "courier_user",
    "find_isolation",
    "trust",
    "trusted",
    "why_no_sandbox",
]
