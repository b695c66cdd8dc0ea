"""Flower's control paths, as the five things that the fleet needs.

The only module of the daemon that imports Flower; the fleet imports it when it starts. The client class
is internal to flwr 1.41 (its public face is a command line of 1.1 s a call), hence the pinned version.
"""

import hashlib
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

import httpx
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_ssh_public_key
from flwr.proto.control_pb2 import (
    ListNodesRequest,
    ListRunsRequest,
    RegisterNodeRequest,
    StartRunRequest,
    StopRunRequest,
    UnregisterNodeRequest,
)
from flwr.proto.fab_pb2 import Fab
from flwr.proto.transport_pb2 import Scalar
from flwr.supercore.control import ControlHttpClient

from coordinator.courier.errors import CourierRefused, CourierUnreachable

ANSWER_WITHIN_S: Final = 8.0
"""Less than Flower's 30 s: who asks is the thread that watches the processes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetNode:
    """A registered SuperNode: its Flower id (a uint64 in decimal), its name, its key as PEM."""

    node: str
    name: str
    online: bool
    key: bytes


def pem_of(courier_key: bytes) -> bytes:
    """The PEM form in which the SuperLink stores an OpenSSH public key.

    Raises:
        CourierRefused: not an OpenSSH key on a NIST curve.
    """
    try:
        key = load_ssh_public_key(courier_key)
    except (ValueError, UnsupportedAlgorithm) as reason:
        raise CourierRefused(
            expected="an OpenSSH public key", came=str(reason), do="make the courier key with altrove-node"
        ) from reason
    if not isinstance(key, EllipticCurvePublicKey):
        raise CourierRefused(
            expected="an EC P-384 key", came=type(key).__name__, do="make the courier key with altrove-node"
        )
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


class Control:
    """The SuperLink's control paths at ``address`` (host:port), its certificate checked against ``ca``."""

    def __init__(self, address: str, ca: bytes) -> None:
        self._address = address
        trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        trusting.load_verify_locations(cadata=ca.decode("ascii"))
        self._client = ControlHttpClient(
            f"https://{address}", interceptors=[], verify=trusting, timeout=ANSWER_WITHIN_S
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def nodes(self) -> tuple[FleetNode, ...]:
        """Every registered node.

        Raises:
            CourierUnreachable: the SuperLink does not answer.
        """
        try:
            listed = self._client.ListNodes(ListNodesRequest()).nodes_info
        except (httpx.HTTPError, OSError) as reason:
            raise self._unreachable(reason) from reason
        return tuple(
            FleetNode(
                node=str(info.node_id), name=info.name, online=info.status == "online", key=info.public_key
            )
            for info in listed
            if info.status != "unregistered"
        )

    def register(self, name: str, pem: bytes) -> str:
        """Register a key and return the node's Flower id.

        Raises:
            CourierRefused: the key is registered already, or is no key.
            CourierUnreachable: the SuperLink does not answer.
        """
        try:
            reply = self._client.RegisterNode(RegisterNodeRequest(public_key=pem, name=name))
        except httpx.HTTPStatusError as reason:
            raise CourierRefused(
                expected="a courier key of its own",
                came=f"a refusal by the SuperLink ({reason.response.status_code})",
                do=f"make a new courier key for {name}",
            ) from reason
        except (httpx.HTTPError, OSError) as reason:
            raise self._unreachable(reason) from reason
        return str(reply.node_id)

    def unregister(self, node: str) -> None:
        """Forget a node; its key cannot connect any more.

        Raises:
            CourierUnreachable: the SuperLink does not answer.
        """
        try:
            self._client.UnregisterNode(UnregisterNodeRequest(node_id=int(node)))
        except (httpx.HTTPError, OSError) as reason:
            raise self._unreachable(reason) from reason

    def start_run(self, fab: bytes, config: Mapping[str, str]) -> str:
        """Start a run of the bundle ``fab`` and return its id.

        Raises:
            CourierUnreachable: the SuperLink does not answer or does not start it.
        """
        request = StartRunRequest(
            fab=Fab(hash_str=hashlib.sha256(fab).hexdigest(), content=fab),
            override_config={key: Scalar(string=value) for key, value in config.items()},
        )
        try:
            run = self._client.StartRun(request).run_id
        except (httpx.HTTPError, OSError) as reason:
            raise self._unreachable(reason) from reason
        if not run:
            raise CourierUnreachable(
                expected="a started run", came="none", do="read superlink.log in the courier's folder"
            )
        return str(run)

    def stop_run(self, run: str) -> None:
        """Stop a run; stopping one that has ended is no error.

        Raises:
            CourierUnreachable: the SuperLink does not answer.
        """
        try:
            self._client.StopRun(StopRunRequest(run_id=int(run)))
        except httpx.HTTPStatusError:
            return
        except (httpx.HTTPError, OSError) as reason:
            raise self._unreachable(reason) from reason

    def run_ended(self, run: str) -> bool:
        """Whether a run has ended or is unknown.

        Raises:
            CourierUnreachable: the SuperLink does not answer.
        """
        try:
            runs = self._client.ListRuns(ListRunsRequest(run_id=int(run))).run_dict
        except httpx.HTTPStatusError as reason:
            if reason.response.status_code < 500:
                return True
            raise self._unreachable(reason) from reason
        except (httpx.HTTPError, OSError) as reason:
            raise self._unreachable(reason) from reason
        return int(run) not in runs or runs[int(run)].status.status == "finished"

    def _unreachable(self, reason: Exception) -> CourierUnreachable:
        return CourierUnreachable(
            expected=f"the SuperLink at {self._address}",
            came=type(reason).__name__,
            do="wait for its restart, or read superlink.log in the courier's folder",
        )
