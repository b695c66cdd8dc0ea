"""The only exit for anything that depends on a customer.

``Door`` makes and commits every payload; ``StopSwitch`` keeps the door open or shut.
"""

from participant.door.carrying import Carriage, DoorPaths
from participant.door.exit import Door
from participant.switch import StopSwitch

__all__ = ["Carriage", "Door", "DoorPaths", "StopSwitch"]
