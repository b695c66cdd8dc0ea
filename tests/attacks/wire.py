"""Attacks on the bytes: truncated, too long, endless, of another kind."""

import gzip
from collections.abc import Callable
from dataclasses import replace

from protocols.codec import encode
from protocols.limits import DELIVERY_BYTES, MESSAGE_BYTES
from protocols.messages import Phase
from tests.attacks.attack import Attack, Who
from tests.attacks.scene import Run, Scene

PLAN = "protocols/codec.py: one encoding of a value"


def _whole(scene: Scene) -> tuple[Run, bytes]:
    run = scene.run()
    return run, encode(run.given_config())


def truncated(scene: Scene) -> str:
    """A delivery without its last byte."""
    _, body = _whole(scene)
    scene.node.hand_bytes(body[:-1])
    return "the node acts on half a message"


def trailing(scene: Scene) -> str:
    """A delivery with one byte more: two encodings of one message."""
    _, body = _whole(scene)
    scene.node.hand_bytes(body + b"!")
    return "the node acts on bytes that are not canonical"


def oversized(scene: Scene) -> str:
    """A delivery of more than 16 MiB."""
    scene.node.hand_bytes(bytes(DELIVERY_BYTES + 1))
    return "the node reads more than a message may have"


def counted(scene: Scene) -> str:
    """A delivery that announces four thousand million items."""
    run, body = _whole(scene)
    head = encode(replace(run.given_config(), items=(), phase=Phase.ABORTED.value))
    scene.node.hand_bytes(head[: -len(encode_tail())] + b"\xff" * 4 + body[:64])
    return "the node makes room for items that never come"


def encode_tail() -> bytes:
    """Of a delivery without items: their count and an empty reason."""
    return bytes(8)


def unknown_phase(scene: Scene) -> str:
    """A phase that does not exist."""
    run, _ = _whole(scene)
    name = Phase.ADVERTISE.value.encode()
    body = encode(run.given_config()).replace(name, b"x" * len(name), 1)
    scene.node.hand_bytes(body)
    return "the node acts on a phase that does not exist"


def no_configuration(scene: Scene) -> str:
    """The first phase without a configuration."""
    run, _ = _whole(scene)
    item = encode_item(run)
    body = encode(run.given_config()).replace((1).to_bytes(4, "big") + item, bytes(4), 1)
    scene.node.hand_bytes(body)
    return "the node acts on nothing"


def encode_item(run: Run) -> bytes:
    """The signed configuration as it lies inside a delivery: its fields without a tag."""
    tagged = encode(run.signed)
    return tagged[4 + int.from_bytes(tagged[:4], "big") :]


def cut_inside(scene: Scene) -> str:
    """A whole delivery around half an advertisement."""
    run = scene.run().advertise()
    whole = run.ads[scene.target.id]
    run.ads[scene.target.id] = replace(whole, body=whole.body[:-1])
    run.share([scene.node.id])
    return "the node takes half an advertisement"


def other_kind(scene: Scene) -> str:
    """A validly signed message of another kind in an advertisement's place."""
    run = scene.run().advertise().share(scene.but(scene.node))
    run.ads[scene.target.id] = run.bundles[scene.target.id][0]
    run.share([scene.node.id])
    return "the node takes one kind of message for another"


def packed(scene: Scene) -> str:
    """Sixteen million zeros, packed into sixteen thousand bytes."""
    bomb = gzip.compress(bytes(2 * MESSAGE_BYTES))
    scene.node.hand_bytes(bomb, **{"Content-Encoding": "gzip"})
    return "the node unpacks whatever it is sent"


def endless_number(scene: Scene) -> str:
    """A delivery whose sequence number has five thousand digits."""
    _, body = _whole(scene)
    scene.node.hand_bytes(body, **{"Altrove-Sequence": "9" * 5000})
    return "the node counts to a number that no database holds"


def _bytes(name: str, script: Callable[[Scene], str], *codes: str, **more: object) -> Attack:
    given = {
        "name": name,
        "who": Who.COORDINATOR,
        "wants": "a node that acts on bytes nobody meant, or falls over them",
        "refused_by": codes,
        "leaks": "nothing",
        "source": PLAN,
        "script": script,
    }
    return Attack(**(given | more))  # type: ignore[arg-type]


ATTACKS = (
    _bytes("truncated bytes", truncated, "malformed-message"),
    _bytes("trailing bytes", trailing, "malformed-message"),
    _bytes("oversized bytes", oversized, "too-large"),
    _bytes("a small answer that unpacks into a large one", packed, "malformed-message"),
    _bytes("a number of five thousand digits", endless_number, "malformed-message", stands=("live",)),
    _bytes("a count without items", counted, "malformed-message"),
    _bytes("an unknown phase", unknown_phase, "malformed-message"),
    _bytes("the first phase without a configuration", no_configuration, "malformed-message"),
    _bytes("truncated bytes inside a message", cut_inside, "bad-signature"),
    _bytes("a message of another kind", other_kind, "unknown-version"),
)
