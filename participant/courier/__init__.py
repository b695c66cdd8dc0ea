"""The company's courier: Flower's SuperNode and SuperExec, which carry sealed bytes and nothing else."""

from participant.courier.courier import Courier, CourierHealth, CourierSettings, courier_key_pair

__all__ = ["Courier", "CourierHealth", "CourierSettings", "courier_key_pair"]
