"""Flower's own SecAgg+ client code, as installed, called as its mod calls it.

What is timed is ``_collect_masked_vectors`` of ``flwr.client.mod.secure_aggregation.secaggplus_mod``:
parse, decrypt the shares, weight, clip, quantise, mask, serialise. Its saving of the state to records
and the protobuf around it are left out, in Flower's favour. Parameters are those of its workflow's
defaults: clipping range 8, 2**22 steps, modulus 2**32. The peers' shares have the right length and are
random: only the recipient's work is measured, and it does not look inside them.
"""

import importlib
import os
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from flwr.app import ConfigRecord, Context, Message, RecordDict
from flwr.common import Code, FitRes, Status, ndarray_to_bytes, ndarrays_to_parameters
from flwr.common.secure_aggregation.crypto.shamir import combine_shares, create_shares
from flwr.common.secure_aggregation.secaggplus_constants import RECORD_KEY_CONFIGS, Key, Stage
from flwr.compat.common import recorddict_compat as compat
from flwr.server import LegacyContext, ServerConfig
from flwr.server.strategy import FedAvg
from flwr.server.workflow import SecAggPlusWorkflow
from flwr.server.workflow.constant import MAIN_CONFIGS_RECORD
from flwr.server.workflow.constant import Key as WorkflowKey
from flwr.server.workflow.secure_aggregation.secaggplus_workflow import WorkflowState
from flwr.supercore.task_identity import TaskIdentity

CLIPPING = 8.0
STEPS = 2**22
MODULUS = 2**32
EXAMPLES = 1000
"""Equal to the default greatest weight: the vector is weighted by one."""

_ME = 10_000

mod: Any = importlib.import_module("flwr.client.mod.secure_aggregation.secaggplus_mod")


def client(members: int, threshold: int, vector: npt.NDArray[np.float32]) -> Callable[[], list[bytes]]:
    """The masked-input step of one node of ``members``; it returns the serialised arrays."""
    state, configs = _after_share_keys(members, threshold)
    parameters = ndarrays_to_parameters([vector])

    def step() -> list[bytes]:
        done = mod._collect_masked_vectors(state, configs, EXAMPLES, parameters)
        masked: list[bytes] = done[Key.MASKED_PARAMETERS]
        return masked

    return step


def shamir(members: int, threshold: int) -> tuple[Callable[[], object], Callable[[], object]]:
    """Splitting and combining one member's mask secret: the PEM of its private key."""
    secret = mod.private_key_to_bytes(mod.generate_key_pairs()[0])
    shares = create_shares(secret, threshold, members)
    if combine_shares(shares[:threshold]) != secret:
        raise RuntimeError("Flower's shares do not combine")
    return lambda: create_shares(secret, threshold, members), lambda: combine_shares(shares[:threshold])


def aggregator(members: int, elements: int) -> Callable[[], object]:
    """The last two stages of ``SecAggPlusWorkflow`` over ready-made replies of ``members`` living nodes."""
    TaskIdentity.task_id = TaskIdentity.run_id = TaskIdentity.node_id = 1
    nodes = list(range(1, members + 1))
    seeds = {node: os.urandom(32) for node in nodes}
    shares = {node: create_shares(seeds[node], members - 1, members) for node in nodes}
    grid: Any = _Grid(
        {
            node: {
                Key.NODE_ID_LIST: nodes,
                Key.SHARE_LIST: [shares[owner][node - 1] for owner in nodes],
            }
            for node in nodes
        },
        elements,
    )
    proxies: Any = dict.fromkeys(nodes)
    workflow = SecAggPlusWorkflow(num_shares=members, reconstruction_threshold=members - 1)
    state = WorkflowState(
        sampled_node_ids=set(nodes),
        active_node_ids=set(nodes),
        threshold=members - 1,
        clipping_range=CLIPPING,
        quantization_range=STEPS,
        mod_range=MODULUS,
        nid_to_neighbours={node: set(nodes) for node in nodes},
        nid_to_fitins={node: RecordDict() for node in nodes},
        nid_to_proxies=proxies,
        forward_srcs={node: [1] for node in nodes},
        forward_ciphertexts={node: [b"-"] for node in nodes},
    )
    base = Context(run_id=1, node_id=0, node_config={}, state=RecordDict(), run_config={})
    context = LegacyContext(context=base, config=ServerConfig(num_rounds=1), strategy=FedAvg())
    context.state.config_records[MAIN_CONFIGS_RECORD] = ConfigRecord({WorkflowKey.CURRENT_ROUND: 1})

    def run() -> None:
        workflow.collect_masked_vectors_stage(grid, context, state)
        if not workflow.unmask_stage(grid, context, state):
            raise RuntimeError("Flower's workflow did not end with a sum")

    return run


class _Grid:
    """Answers every message at once: with a masked vector, then with shares."""

    def __init__(self, shares: dict[int, Any], elements: int) -> None:
        self._shares = shares
        self._elements = elements

    def send_and_receive(self, messages: Any, *, timeout: float | None = None) -> list[Message]:
        """One reply a message, all in memory, as the real grid returns them."""
        del timeout
        return [self._reply(message) for message in messages]

    def _reply(self, message: Message) -> Message:
        record = message.content.config_records[RECORD_KEY_CONFIGS]
        if record[Key.STAGE] == Stage.UNMASK:
            content = RecordDict()
            record = ConfigRecord(self._shares[message.metadata.dst_node_id], False)
        else:
            fit = FitRes(Status(Code.OK, ""), ndarrays_to_parameters([]), EXAMPLES, {})
            content = compat.fitres_to_recorddict(fit, keep_input=False)
            masked = np.arange(self._elements, dtype=np.int64)
            arrays = [np.array([STEPS], dtype=np.int64), masked]
            record = ConfigRecord({Key.MASKED_PARAMETERS: [ndarray_to_bytes(each) for each in arrays]}, False)
        content.config_records[RECORD_KEY_CONFIGS] = record
        return Message(content, reply_to=message)


def _after_share_keys(members: int, threshold: int) -> tuple[Any, dict[str, Any]]:
    first, second = mod.generate_key_pairs(), mod.generate_key_pairs()
    state = mod.SecAggPlusState()
    state.nid, state.threshold, state.max_weight = _ME, threshold, float(EXAMPLES)
    state.clipping_range, state.target_range, state.mod_range = CLIPPING, STEPS, MODULUS
    state.sk1, state.rd_seed = mod.private_key_to_bytes(first[0]), os.urandom(32)
    state.rd_seed_share_dict, state.sk1_share_dict, state.ss2_dict = {}, {}, {}
    state.public_keys_dict = {}
    sources, ciphertexts = [], []
    chunks = -(-(len(state.sk1) + 1) // 16)
    for position in range(members - 1):
        peer = _ME + position + 1 if position % 2 else _ME - position - 1
        theirs, sealing = mod.generate_key_pairs(), mod.generate_key_pairs()
        state.public_keys_dict[peer] = (mod.public_key_to_bytes(theirs[1]), b"")
        state.ss2_dict[peer] = mod.generate_shared_key(second[0], sealing[1])
        text = mod.share_keys_plaintext_concat(peer, _ME, os.urandom(4 + 48), os.urandom(4 + 16 * chunks))
        sources.append(peer)
        ciphertexts.append(mod.encrypt(state.ss2_dict[peer], text))
    return state, {Key.CIPHERTEXT_LIST: ciphertexts, Key.SOURCE_LIST: sources}
