"""Flower's own SecAgg+ client code (flwr 1.41), stepped in this process by a hostile server.

Every call below goes through ``secaggplus_mod``, the mod that a Flower client runs; nothing of it is copied
or changed. The server's part, which only adds and subtracts, is written out here.
"""

from typing import Any
from unittest import mock

import numpy as np
import numpy.typing as npt
from flwr.app import ConfigRecord, Context, Message, RecordDict
from flwr.app.message_type import MessageType
from flwr.client.mod.secure_aggregation.secaggplus_mod import SecAggPlusState, secaggplus_mod
from flwr.common import Code, FitRes, Status, bytes_to_ndarray, ndarrays_to_parameters
from flwr.common.secure_aggregation.crypto.shamir import combine_shares
from flwr.common.secure_aggregation.crypto.symmetric_encryption import generate_shared_key
from flwr.common.secure_aggregation.quantization import dequantize
from flwr.common.secure_aggregation.secaggplus_constants import (
    RECORD_KEY_CONFIGS,
    RECORD_KEY_STATE,
    Key,
    Stage,
)
from flwr.common.secure_aggregation.secaggplus_utils import pseudo_rand_gen
from flwr.compat.common.recorddict_compat import fitres_to_recorddict
from flwr.supercore.primitives.asymmetric import bytes_to_private_key, bytes_to_public_key
from flwr.supercore.task_identity import TaskIdentity

Vector = npt.NDArray[np.float64]
SETUP: dict[str, Any] = {
    Key.SAMPLE_NUMBER: 3,
    Key.SHARE_NUMBER: 3,
    Key.THRESHOLD: 2,
    Key.CLIPPING_RANGE: 8.0,
    Key.TARGET_RANGE: 2**22,
    Key.MOD_RANGE: 2**32,
    Key.MAX_WEIGHT: 1000.0,
}


class FlowerNode:
    """One client: its context is all that it keeps between messages."""

    def __init__(self, number: int, vector: Vector, examples: int = 1000) -> None:
        self.number = number
        self._vector = vector
        self._examples = examples
        self._context = Context(run_id=1, node_id=number, node_config={}, state=RecordDict(), run_config={})

    def send(self, stage: str, configs: dict[str, Any]) -> RecordDict:
        """Send a message of the server; what the client replies."""
        content = RecordDict({RECORD_KEY_CONFIGS: ConfigRecord({**configs, Key.STAGE: stage})})
        with mock.patch.multiple(TaskIdentity, _task_id=1, _run_id=1, _node_id=self.number):
            message = Message(content, dst_node_id=self.number, message_type=MessageType.TRAIN)
            return secaggplus_mod(message, self._context, self._train).content

    def reply(self, stage: str, configs: dict[str, Any]) -> ConfigRecord:
        """The protocol's part of the reply."""
        return self.send(stage, configs).config_records[RECORD_KEY_CONFIGS]

    @property
    def state(self) -> SecAggPlusState:
        """What the client holds, for comparison with what the attacker found."""
        return SecAggPlusState(**self._context.state.config_records[RECORD_KEY_STATE])

    def _train(self, message: Message, _context: Context) -> Message:
        result = FitRes(
            status=Status(code=Code.OK, message=""),
            parameters=ndarrays_to_parameters([self._vector]),
            num_examples=self._examples,
            metrics={"accuracy": 0.5},
        )
        return Message(fitres_to_recorddict(result, keep_input=False), reply_to=message)


class FlowerRound:
    """The stages up to the masked vectors, as an honest server leads them."""

    def __init__(self, nodes: list[FlowerNode], **setup: Any) -> None:
        self.nodes = {node.number: node for node in nodes}
        self.setup = {**SETUP, Key.SAMPLE_NUMBER: len(nodes), Key.SHARE_NUMBER: len(nodes), **setup}
        self.keys: dict[int, list[bytes]] = {}
        self.forward: dict[int, list[tuple[int, bytes]]] = {number: [] for number in self.nodes}
        self.masked: dict[int, list[np.ndarray]] = {}

    def advertise(self) -> "FlowerRound":
        for number, node in self.nodes.items():
            reply = node.reply(Stage.SETUP, self.setup)
            self.keys[number] = [reply[Key.PUBLIC_KEY_1], reply[Key.PUBLIC_KEY_2]]
        return self

    def share(self, *without: int) -> "FlowerRound":
        for number, node in self.nodes.items():
            if number not in without:
                shown = {str(each): keys for each, keys in self.keys.items()}
                reply = node.reply(Stage.SHARE_KEYS, shown)
                for to, sealed in zip(reply[Key.DESTINATION_LIST], reply[Key.CIPHERTEXT_LIST], strict=True):
                    self.forward[to].append((number, sealed))
        return self

    def collect(self, *without: int) -> "FlowerRound":
        for number, node in self.nodes.items():
            if number not in without:
                reply = node.reply(Stage.COLLECT_MASKED_VECTORS, self.bundles(number))
                self.masked[number] = [bytes_to_ndarray(part) for part in reply[Key.MASKED_PARAMETERS]]
        return self

    def bundles(self, number: int) -> dict[str, Any]:
        """The sealed shares for one client."""
        return {
            Key.SOURCE_LIST: [source for source, _ in self.forward[number]],
            Key.CIPHERTEXT_LIST: [sealed for _, sealed in self.forward[number]],
        }

    def unmask(self, number: int, active: list[int], dead: list[int]) -> list[tuple[int, bytes]]:
        """What one client opens when it is told who lives and who does not."""
        reply = self.nodes[number].reply(
            Stage.UNMASK, {Key.ACTIVE_NODE_ID_LIST: active, Key.DEAD_NODE_ID_LIST: dead}
        )
        return list(zip(reply[Key.NODE_ID_LIST], reply[Key.SHARE_LIST], strict=True))

    def strip(self, number: int, seed: bytes, secret: bytes) -> list[np.ndarray]:
        """One client's vector without its masks, once both its secrets are out."""
        modulus = self.setup[Key.MOD_RANGE]
        shapes = [part.shape for part in self.masked[number]]
        left = _minus(self.masked[number], pseudo_rand_gen(seed, modulus, shapes))
        for other in self.nodes:
            if other != number:
                shared = generate_shared_key(
                    bytes_to_private_key(secret), bytes_to_public_key(self.keys[other][0])
                )
                mask = pseudo_rand_gen(shared, modulus, shapes)
                left = _minus(left, mask if number > other else [-part for part in mask])
        return [part % modulus for part in left]

    def total(self) -> list[np.ndarray]:
        """The sum that an honest server computes when everybody is alive."""
        modulus = self.setup[Key.MOD_RANGE]
        parts = [sum(masked) for masked in zip(*self.masked.values(), strict=True)]
        for number in self.nodes:
            seed = self.nodes[number].state.rd_seed
            parts = _minus(parts, pseudo_rand_gen(seed, modulus, [part.shape for part in parts]))
        return [part % modulus for part in parts]


def plain(parts: list[np.ndarray], setup: dict[str, Any]) -> Vector:
    """A stripped vector in the client's own units, weighted as the client weighted it."""
    return dequantize(parts[1:], setup[Key.CLIPPING_RANGE], setup[Key.TARGET_RANGE])[0]


def combined(shares: list[bytes]) -> bytes:
    """Flower's own reconstruction."""
    return combine_shares(shares)


def _minus(parts: list[Any], masks: list[np.ndarray]) -> list[np.ndarray]:
    return [part - mask for part, mask in zip(parts, masks, strict=True)]
