"""A node's model on disk: one safetensors file for numbers, one JSON file for choices. No pickles.

The JSON file names the SHA-256 of the numbers and is renamed into place last: a model is there as a
whole or not at all.
"""

import hashlib
import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from participant.models.acceptance import Acceptance
from participant.models.blend import Mix
from participant.models.gate import Verdict
from participant.models.node_model import NodeModel, ScenarioModel
from participant.models.resampling import Interval
from participant.models.windows import Windows
from participant.store.records_products import Product
from protocols.errors import BadInput

FORMAT: Final = 1
CHOICES: Final = "model.json"


class BadModel(BadInput, code="bad-model", status=409):
    """Model files that are missing, damaged, or of another format."""


def save(model: NodeModel, folder: Path) -> Path:
    """Write ``model`` into ``folder`` and return the path of its JSON file."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    tensors: dict[str, NDArray[np.generic]] = {"buyers": model.buyers, "elsewhere": model.elsewhere}
    names: dict[int, str] = {}
    scenarios = {}
    for scenario, part in model.scenarios.items():
        arms = {}
        for arm, weights in (("local", part.local), ("federated", part.federated)):
            if weights is not None:
                name = names.setdefault(id(weights), f"{scenario}.{arm}")
                tensors[name] = np.ascontiguousarray(weights)
                arms[arm] = name
        scenarios[scenario] = {
            "weights": arms,
            "local_lambda": part.local_lambda,
            "federated_lambda": part.federated_lambda,
            "mix": asdict(part.mix),
            "verdict": asdict(part.verdict),
            "acceptance": asdict(part.acceptance),
        }
    staged = folder / f".staging-{os.getpid()}.safetensors"
    save_file(tensors, staged)
    with staged.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    os.replace(staged, folder / f"{digest[:32]}.safetensors")
    choices = {
        "format": FORMAT,
        "weights": digest,
        "vocabulary": model.vocabulary.hex(),
        "release": model.release,
        "windows": asdict(model.windows),
        "scenarios": scenarios,
        "starters": {str(concept): asdict(product) for concept, product in model.starters.items()},
        "concepts": model.concepts,
    }
    staged = folder / f".staging-{os.getpid()}.json"
    staged.write_text(json.dumps(choices), encoding="utf-8")
    os.replace(staged, folder / CHOICES)
    for old in folder.glob("*.safetensors"):
        if old.stem != digest[:32]:
            old.unlink()
    return folder / CHOICES


def load(folder: Path) -> NodeModel:
    """Read the model in ``folder``.

    Raises:
        BadModel: none there, another format, or bytes that are not those that were written.
    """
    try:
        choices = json.loads((folder / CHOICES).read_text(encoding="utf-8"))
        if choices["format"] != FORMAT:
            raise _bad(f"format {choices['format']}")
        path = folder / f"{choices['weights'][:32]}.safetensors"
        with path.open("rb") as stream:
            if hashlib.file_digest(stream, "sha256").hexdigest() != choices["weights"]:
                raise _bad("weights whose hash is not the one in model.json")
        tensors = load_file(path)
        return _model(choices, tensors)
    except FileNotFoundError as error:
        raise _bad(f"no {Path(str(error.filename)).name}") from error
    except (KeyError, TypeError, ValueError, SafetensorError) as error:
        raise _bad(f"{type(error).__name__} while reading") from error


def _model(choices: "dict[str, object]", tensors: "dict[str, NDArray[np.generic]]") -> NodeModel:
    read = _Reader(choices)
    scenarios = {}
    for name in read.keys("scenarios"):
        part = read.inside("scenarios", name)
        arms = part.inside("weights")
        verdict = part.inside("verdict")
        intervals = {
            key: Interval(**verdict.value(key)) for key in ("local", "federated", "blend", "difference")
        }
        federated = tensors[str(arms.value("federated"))] if "federated" in arms.keys() else None
        scenarios[name] = ScenarioModel(
            local=np.asarray(tensors[str(arms.value("local"))], np.float32),
            federated=None if federated is None else np.asarray(federated, np.float32),
            local_lambda=int(part.value("local_lambda")),
            federated_lambda=int(part.value("federated_lambda")),
            mix=Mix(**part.value("mix")),
            verdict=Verdict(deployed=bool(verdict.value("deployed")), **intervals),
            acceptance=Acceptance(**part.value("acceptance")),
        )
    return NodeModel(
        vocabulary=bytes.fromhex(read.value("vocabulary")),
        release=str(read.value("release")),
        windows=Windows(**read.value("windows")),
        scenarios=scenarios,
        buyers=np.asarray(tensors["buyers"], np.int64),
        elsewhere=np.asarray(tensors["elsewhere"], np.int64),
        starters={int(key): Product(**read.inside("starters").value(key)) for key in read.keys("starters")},
        concepts=tuple(read.value("concepts")),
    )
