"""Local, released and blended models of a node, and the gate "never below local"."""

from participant.models.exchange import Exchange
from participant.models.files import load, ready, save
from participant.models.gate import Verdict
from participant.models.node_model import NodeModel, ScenarioModel
from participant.models.train import Learned, learn
from participant.models.windows import SCENARIOS, Windows

__all__ = [
    "SCENARIOS",
    "Exchange",
    "Learned",
    "NodeModel",
    "ScenarioModel",
    "Verdict",
    "Windows",
    "learn",
    "load",
    "ready",
    "save",
]
