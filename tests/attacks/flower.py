"""Why not Flower's own SecAgg+: each weakness shown on Flower's code, and what the same attempt gets here.

One row a line of the table in the specification; ``there`` returns what was gained, ``ours`` what was
refused or holds, each after checking it.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pytest
from flwr.common.secure_aggregation.crypto.shamir import create_shares
from flwr.common.secure_aggregation.crypto.symmetric_encryption import decrypt, generate_shared_key
from flwr.common.secure_aggregation.secaggplus_constants import Key, Stage
from flwr.common.secure_aggregation.secaggplus_utils import (
    pseudo_rand_gen,
    share_keys_plaintext_separate,
)
from flwr.supercore.primitives.asymmetric import (
    bytes_to_public_key,
    generate_key_pairs,
    private_key_to_bytes,
    public_key_to_bytes,
)

from protocols.errors import OutOfBounds, RingOverflow
from protocols.masks import apply_masks
from protocols.messages import Phase
from protocols.ring import check_overflow, encode_vector
from protocols.secret_sharing import SHARE_BYTES
from protocols.secure_sum.play import play
from tests.attacks.flower_nodes import FlowerNode, FlowerRound, combined, plain
from tests.protocols.secure_sum.stage import Stage as OurStage
from tests.protocols.secure_sum.stage import counting

VECTOR = np.array([1.0, -2.0, 0.5])
PARTLY = 12
"""Bits that the demonstration leaves unknown of the 28, so that it takes milliseconds; each bit more doubles it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line: the weakness, what it gives on Flower's code, what the same gives here."""

    name: str
    there: Callable[[], str]
    ours: Callable[[], str]
    attacks: tuple[str, ...] = ()


def masked_round(**setup: object) -> FlowerRound:
    nodes = [FlowerNode(number, VECTOR * number) for number in (1, 2, 3)]
    return FlowerRound(nodes, **setup).advertise().share().collect()


def short_seeds() -> str:
    secret, public = generate_key_pairs()
    folds = {_fold(generate_shared_key(generate_key_pairs()[0], public)) for _ in range(64)}
    assert all(fold & 0x80808080 == 0 for fold in folds), "28 effective bits"
    key = generate_shared_key(secret, generate_key_pairs()[1])
    other = key[4:8] + key[:4] + key[8:]
    (mask,) = pseudo_rand_gen(key, 2**32, [(4,)])
    assert np.array_equal(mask, pseudo_rand_gen(other, 2**32, [(4,)])[0]), "two keys, one mask"
    known = _fold(key) >> PARTLY << PARTLY
    found = [
        seed
        for seed in range(known, known + 2**PARTLY)
        if np.array_equal(np.random.RandomState(seed).randint(0, 2**32 - 1, 4, dtype=np.int64), mask)
    ]
    assert found == [_fold(key)], "the seed falls to a search"
    (small,) = pseudo_rand_gen(key, 4, [(200,)])
    assert set(small.tolist()) == {0, 1, 2}, "the largest value is never a mask"
    return (
        f"the whole mask from four known cells, by searching {PARTLY} of its 28 bits; two keys give one mask"
    )


def _fold(key: bytes) -> int:
    fold = 0
    for at in range(0, len(key), 4):
        fold ^= int.from_bytes(key[at : at + 4], "little")
    return fold


def whole_keys() -> str:
    key = bytes(range(32))
    stream = mask_of(key)
    for at in range(32):
        other = key[:at] + bytes([key[at] ^ 1]) + key[at + 1 :]
        assert not np.array_equal(mask_of(other)[:16], stream[:16]), at
    swapped = key[4:8] + key[:4] + key[8:]
    assert not np.array_equal(mask_of(swapped)[:16], stream[:16])
    assert set((stream & 3).tolist()) == {0, 1, 2, 3}
    return "256-bit keys of AES-256 in counter mode: every bit counts, every ring element occurs"


def mask_of(key: bytes) -> np.ndarray:
    words = np.zeros(2**14, dtype="<u4")
    apply_masks(words, 0, plus=[key], minus=[], out=words)
    return words


def alive_and_dead_there() -> str:
    attacked = masked_round()
    own, pair = [], []
    for number in (2, 3):
        opened = attacked.unmask(number, [1, 2, 3], [1])
        shares = [share for owner, share in opened if owner == 1]
        own.append(shares[0])
        pair.append(shares[1])
    seed, secret = combined(own), combined(pair)
    assert (seed, secret) == (attacked.nodes[1].state.rd_seed, attacked.nodes[1].state.sk1)
    loot = plain(attacked.strip(1, seed, secret), attacked.setup)
    np.testing.assert_allclose(loot, VECTOR, atol=1e-5)
    return "one client's parameters in the clear, after one unmask message to two others"


def dictated_there() -> str:
    attacked = masked_round(**{Key.THRESHOLD: 1})
    share = next(share for owner, share in attacked.unmask(2, [1, 2, 3], []) if owner == 1)
    assert combined([share]) == attacked.nodes[1].state.rd_seed
    FlowerNode(9, VECTOR).send(
        Stage.SETUP, {**attacked.setup, Key.CLIPPING_RANGE: 1e-9, Key.MOD_RANGE: 2, Key.THRESHOLD: -5}
    )
    return "threshold 1: one share is the secret; -5, a modulus of 2 and clipping at 1e-9 are accepted too"


def unsigned_there() -> str:
    node = FlowerNode(1, VECTOR)
    attacked = FlowerRound([node, FlowerNode(2, VECTOR), FlowerNode(3, VECTOR)]).advertise()
    made = {number: (generate_key_pairs(), generate_key_pairs()) for number in (2, 3)}
    shown = {"1": attacked.keys[1]} | {
        str(number): [public_key_to_bytes(first[1]), public_key_to_bytes(second[1])]
        for number, (first, second) in made.items()
    }
    reply = node.reply(Stage.SHARE_KEYS, shown)
    own, pair = [], []
    for to, sealed in zip(reply[Key.DESTINATION_LIST], reply[Key.CIPHERTEXT_LIST], strict=True):
        key = generate_shared_key(made[to][1][0], bytes_to_public_key(attacked.keys[1][1]))
        _, _, seed_share, secret_share = share_keys_plaintext_separate(decrypt(key, sealed))
        own.append(seed_share)
        pair.append(secret_share)
    assert (combined(own), combined(pair)) == (node.state.rd_seed, node.state.sk1)
    return "both secrets of a client that was shown the server's keys in the others' names"


def lost_early_there() -> str:
    nodes = [FlowerNode(number, VECTOR) for number in (1, 2, 3, 4)]
    attacked = FlowerRound(nodes).advertise().share(4).collect(4)
    with pytest.raises(KeyError):  # the workflow names every sampled node that is not active as dead
        attacked.unmask(1, [1, 2, 3], [4])
    return "KeyError in every client that is left: three of four with a threshold of two get no sum"


def lost_early_here() -> str:
    spec = OurStage(4).spec
    answers = [np.full(spec.elements, i, dtype=np.int64) << 24 for i in range(4)]
    for phase in (Phase.ADVERTISE, Phase.SHARE, Phase.MASK, Phase.CHECK, Phase.UNMASK):
        played = play(answers, spec=spec, seed=bytes(32), dropouts={phase: {3}})
        masked = range(4) if phase in (Phase.CHECK, Phase.UNMASK) else range(3)
        assert played.survivors == tuple(masked)
        assert set((played.sum >> spec.blocks[0].scale_bits).tolist()) == {sum(masked)}
    return "a node lost in any phase leaves the exact sum of the others"


def in_the_clear_there() -> str:
    attacked = FlowerRound([FlowerNode(n, np.zeros(100_000), 7 * n) for n in (1, 2, 3)]).advertise().share()
    content = attacked.nodes[1].send(Stage.COLLECT_MASKED_VECTORS, attacked.bundles(1))
    (sent,) = (
        record[Key.MASKED_PARAMETERS]
        for record in content.config_records.values()
        if Key.MASKED_PARAMETERS in record
    )
    size = sum(len(part) for part in sent) / 100_000
    clear = str(content.metric_records) + str(content.config_records)
    assert size >= 8
    assert "accuracy" in clear
    assert re.search(r"num_examples.{0,60}?7\b", clear, re.DOTALL)
    return f"{size:.2f} bytes a parameter; number of examples and metrics beside them in the clear"


def masked_only_here() -> str:
    stage = OurStage(4, spec=counting(length=100_000))
    stage.inputs = [np.zeros(100_000, dtype=np.int64)] * 4
    stage.advertise().share().mask()
    header = stage.headers[0]
    sent = sum(len(chunk) for chunk in stage.chunks[stage.id(0)])
    size = (sent + len(header.body) + len(header.signature)) / 100_000
    assert size <= 4.1
    assert {len(b"".join(chunks)) for chunks in stage.chunks.values()} == {400_000}
    return f"{size:.2f} bytes a parameter, of fixed length, and nothing beside them"


def overflow_there() -> str:
    heavy = FlowerRound([FlowerNode(n, VECTOR, 2_000_000) for n in (1, 2, 3)]).advertise().share().collect()
    weight = int(heavy.total()[0][0])
    truth = 3 * 2000 * 2**22
    assert weight == truth % 2**32 != truth
    wide = FlowerNode(1, np.array([16.0]), 500)
    half = FlowerRound([wide, FlowerNode(2, np.zeros(1), 500), FlowerNode(3, np.zeros(1), 500)])
    half.advertise().share().collect()
    loot = plain(half.strip(1, wide.state.rd_seed, wide.state.sk1), half.setup)
    np.testing.assert_allclose(loot, [8.0], atol=1e-5)
    return "weights above max_weight wrap around with a warning; a parameter of 16 passes a clip at 8 at weight 1/2"


def bounded_here() -> str:
    stage = OurStage(4)
    wide = np.full(stage.spec.elements, stage.spec.blocks[0].bound + 1, dtype=np.int64) << 24
    with pytest.raises(OutOfBounds):
        encode_vector(wide, stage.spec)
    blocks = tuple(replace(block, bound=2**31) for block in stage.spec.blocks)
    with pytest.raises(RingOverflow):
        check_overflow(replace(stage.config, answer=replace(stage.spec, blocks=blocks)))
    return "a cell beyond its bound is refused in the encoder, a scale that could wrap in the configuration"


def chunks_there() -> str:
    secret = private_key_to_bytes(generate_key_pairs()[0])
    share = create_shares(secret, 2, 3)[0]
    chunks = (len(share) - 4) // 16
    assert len(secret) > 200
    assert chunks >= len(secret) // 16
    return f"a key of {len(secret)} bytes as PEM, shared in {chunks} separate sharings"


def one_element_here() -> str:
    stage = OurStage(4).advertise().share()
    held = stage.states[0].own
    assert len(held.self_share) == len(held.key_share) == SHARE_BYTES
    return "one field element of 32 bytes a secret"


def in_catalogue(words: str) -> Callable[[], str]:
    """The attempt itself is in the catalogue, where it is run on both stands."""
    return lambda: words


ROWS = (
    Row(name="mask generator with a 32-bit seed", there=short_seeds, ours=whole_keys),
    Row(
        name="a client that is named alive and dead",
        there=alive_and_dead_there,
        ours=in_catalogue("no message names who is dead; a second set is refused"),
        attacks=("a member alive and dead in one attempt", "an unmasking asked twice"),
    ),
    Row(
        name="server dictates threshold, clipping and modulus",
        there=dictated_there,
        ours=in_catalogue("refused by the node's own policy and its own computation of the block"),
        attacks=("a threshold that one honest company reaches", "another scale for one node"),
    ),
    Row(
        name="unsigned public keys",
        there=unsigned_there,
        ours=in_catalogue("refused: every message is signed by a key that the roster pins"),
        attacks=(
            "substituted keys (man in the middle)",
            "two sets of survivors, split (U3 split)",
            "two advertisements of one member, split",
        ),
    ),
    Row(name="a node lost between setup and share-keys", there=lost_early_there, ours=lost_early_here),
    Row(
        name="int64 on the wire, weights and metrics in the clear",
        there=in_the_clear_there,
        ours=masked_only_here,
    ),
    Row(name="clipping after weighting, overflow", there=overflow_there, ours=bounded_here),
    Row(name="secrets shared as text in chunks", there=chunks_there, ours=one_element_here),
)
