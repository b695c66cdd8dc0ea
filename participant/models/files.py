"""A node's model on disk: one safetensors file for numbers, one JSON file for choices. No pickles.

The JSON file names the SHA-256 of the numbers and is renamed into place last: a model is there as a
whole or not at all.
"""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from participant.appetite.appetites import Appetites
from participant.models.acceptance import Acceptance
from participant.models.blend import Mix
from participant.models.boldness import PLAIN, Boldness
from participant.models.gate import Verdict
from participant.models.newcomers import Newcomers, Rules
from participant.models.node_model import NodeModel, ScenarioModel
from participant.models.refit import Risen
from participant.models.sway import Strengths, Sway
from participant.models.weights import Weights, kept
from participant.models.windows import Windows
from participant.store.records_products import Product
from protocols.errors import BadInput
from protocols.questions.mixture import PLAIN as PLAIN_EASE
from protocols.questions.mixture import Mixture
from protocols.questions.network import Network, Shape

FORMAT: Final = 1
CHOICES: Final = "model.json"
APPETITE: Final = "appetite."
_APPETITE_PARTS: Final = ("customer_keys", "traits", "logits", "cuts", "marks")
SWAY: Final = "tilt."
"""What a moment adds; the name is that of the first models that had it."""


class BadModel(BadInput, code="bad-model", status=409):
    """Model files that are missing, damaged, or of another format."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioChoices:
    """One scenario on disk; ``local``, ``federated`` and ``encoder`` name tensors, "" means none.

    ``layers``: hidden and latent units of the encoder.
    """

    local: str
    federated: str
    local_lambda: int
    federated_lambda: int
    mix: Mix
    verdict: Verdict
    acceptance: Acceptance
    boldness: Boldness = PLAIN
    others_weight: float = 0.0
    encoder: str = ""
    layers: tuple[int, int] = (0, 0)
    mixture: Mixture = PLAIN_EASE
    local_tilt: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """The whole JSON file."""

    format: int
    weights: str
    vocabulary: str
    release: str
    windows: Windows
    scenarios: dict[str, ScenarioChoices]
    starters: dict[int, Product]
    concepts: tuple[str, ...]
    newcomers: Rules | None = None
    strengths: dict[str, Strengths] | None = None
    risen: Risen | None = None


_CHOICES: Final = TypeAdapter(Choices)


def save(model: NodeModel, folder: Path) -> Path:
    """Write ``model`` into ``folder`` and return the path of its JSON file."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    tensors: dict[str, NDArray[np.generic]] = {
        "buyers": model.buyers,
        "elsewhere": model.elsewhere,
        "least_elsewhere": model.least_elsewhere,
    }
    if model.on_sale is not None:
        tensors["on_sale"] = model.on_sale
    if model.appetites is not None:
        tensors |= {APPETITE + name: getattr(model.appetites, name) for name in _APPETITE_PARTS}
    if model.sway is not None:
        tensors |= {SWAY + factor: cells for factor, cells in model.sway.ratios.items()}
    names: dict[int, str] = {}

    def named(part: object, name: str, arrays: Mapping[str, NDArray[np.float32]]) -> str:
        """The name under which ``part`` is kept, once however many scenarios share it."""
        name = names.setdefault(id(part), name)
        tensors.update({name + end: np.ascontiguousarray(array) for end, array in arrays.items()})
        return name

    scenarios = {
        name: ScenarioChoices(
            local=named(part.local, f"{name}.local", part.local.tensors()),
            federated=named(part.federated, f"{name}.federated", part.federated.tensors())
            if part.federated
            else "",
            local_lambda=part.local_lambda,
            federated_lambda=part.federated_lambda,
            mix=part.mix,
            verdict=part.verdict,
            acceptance=part.acceptance,
            boldness=part.boldness,
            others_weight=part.others_weight,
            encoder=named(part.encoder.weights, f"{name}.encoder", {"": part.encoder.weights})
            if part.encoder
            else "",
            layers=(part.encoder.shape.hidden, part.encoder.shape.latent) if part.encoder else (0, 0),
            mixture=part.mixture,
            local_tilt=part.local_tilt,
        )
        for name, part in model.scenarios.items()
    }
    if model.newcomers is not None:
        tensors |= model.newcomers.tensors()
    digest = _place_numbers(tensors, folder)
    choices = Choices(
        format=FORMAT,
        weights=digest,
        vocabulary=model.vocabulary.hex(),
        release=model.release,
        windows=model.windows,
        scenarios=scenarios,
        starters=dict(model.starters),
        concepts=model.concepts,
        newcomers=model.newcomers.rules if model.newcomers is not None else None,
        strengths=None if model.sway is None else dict(model.sway.strengths),
        risen=model.risen,
    )
    staged = folder / f".staging-{os.getpid()}.json"
    staged.write_bytes(_CHOICES.dump_json(choices, indent=1))
    staged.replace(folder / CHOICES)
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
        choices = _CHOICES.validate_json((folder / CHOICES).read_bytes())
        if choices.format != FORMAT:
            raise _bad(f"format {choices.format}")
        path = folder / f"{choices.weights[:32]}.safetensors"
        if _digest(path) != choices.weights:
            raise _bad("weights whose hash is not the one in model.json")
        model = _assemble(choices, load_file(path))
        return ready(model)
    except FileNotFoundError as error:
        raise _bad(f"no {Path(str(error.filename)).name}") from error
    except (ValidationError, KeyError, SafetensorError) as error:
        raise _bad(f"a {type(error).__name__} while reading") from error


def _assemble(choices: Choices, tensors: Mapping[str, NDArray[np.generic]]) -> NodeModel:
    made: dict[str, Weights] = {}

    def weights(name: str) -> Weights:
        if name not in made:
            made[name] = kept(name, tensors)
        return made[name]

    def network(part: ScenarioChoices) -> Network | None:
        if not part.encoder:
            return None
        hidden, latent = part.layers
        shape = Shape(concepts=len(choices.concepts), hidden=hidden, latent=latent)
        return Network(shape=shape, weights=np.asarray(tensors[part.encoder], np.float32))

    return NodeModel(
        vocabulary=bytes.fromhex(choices.vocabulary),
        release=choices.release,
        windows=choices.windows,
        scenarios={
            name: ScenarioModel(
                local=weights(part.local),
                federated=weights(part.federated) if part.federated else None,
                local_lambda=part.local_lambda,
                federated_lambda=part.federated_lambda,
                mix=part.mix,
                verdict=part.verdict,
                acceptance=part.acceptance,
                boldness=part.boldness,
                others_weight=part.others_weight,
                encoder=network(part),
                mixture=part.mixture,
                local_tilt=part.local_tilt,
            )
            for name, part in choices.scenarios.items()
        },
        buyers=np.asarray(tensors["buyers"], np.int64),
        elsewhere=np.asarray(tensors["elsewhere"], np.int64),
        # a model saved before there was noise has one count
        least_elsewhere=np.asarray(tensors.get("least_elsewhere", tensors["elsewhere"]), np.int64),
        starters=choices.starters,
        concepts=choices.concepts,
        newcomers=Newcomers.kept(choices.newcomers, tensors),
        appetites=_appetites(tensors),
        on_sale=np.asarray(tensors["on_sale"], np.float64) if "on_sale" in tensors else None,
        sway=_sway(choices, tensors),
        risen=choices.risen,
    )


def ready(model: NodeModel) -> NodeModel:
    """``model`` ready to answer requests; what diversity never asks for is not kept, what is the same only once."""
    made: dict[int, Weights] = {}
    scenarios = dict(model.scenarios)
    for name, part in model.scenarios.items():
        if part.boldness.diversity:
            if id(part.serving) not in made:
                made[id(part.serving)] = part.serving.ready()
            scenarios[name] = part.serving_from(made[id(part.serving)])
    return replace(model, scenarios=scenarios)


def _appetites(tensors: Mapping[str, NDArray[np.generic]]) -> Appetites | None:
    """None for a model without them, one saved before there were any among these."""
    if APPETITE + "customer_keys" not in tensors:
        return None
    keys = np.asarray(tensors[APPETITE + "customer_keys"], np.int64)
    rest = {
        name: np.asarray(tensors[APPETITE + name], np.float64)
        for name in _APPETITE_PARTS
        if name != "customer_keys"
    }
    return Appetites(customer_keys=keys, **rest)


def _sway(choices: Choices, tensors: Mapping[str, NDArray[np.generic]]) -> Sway | None:
    """None for a model saved before there was one."""
    if choices.strengths is None:
        return None
    ratios = {
        name.removeprefix(SWAY): np.asarray(cells, np.float32)
        for name, cells in tensors.items()
        if name.startswith(SWAY)
    }
    return Sway(ratios=ratios, strengths=choices.strengths)


def _place_numbers(tensors: Mapping[str, NDArray[np.generic]], folder: Path) -> str:
    staged = folder / f".staging-{os.getpid()}.safetensors"
    save_file(dict(tensors), staged)
    digest = _digest(staged)
    staged.replace(folder / f"{digest[:32]}.safetensors")
    return digest


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _bad(came: str) -> BadModel:
    return BadModel(
        expected="a model as it was saved", came=came, do="train the node again; its records are untouched"
    )
