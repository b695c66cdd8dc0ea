"""Local, released and blended models of a node, and the gate "never below local"."""

from participant.models.files import load, save
from participant.models.gate import Verdict
from participant.models.headline import ScenarioHeadline, headline
from participant.models.node_model import NodeModel, ScenarioModel
from participant.models.train import Exchange, train
from participant.models.windows import SCENARIOS, Windows

__all__ = [
    "SCENARIOS",
    "Exchange",
    "NodeModel",
    "ScenarioHeadline",
    "ScenarioModel",
    "Verdict",
    "Windows",
    "headline",
    "load",
    "save",
    "train",
]
