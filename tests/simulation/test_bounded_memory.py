"""No step of a round holds a vector that it need not hold: peaks as tracemalloc sees them (numpy reports to it)."""

import hashlib
import tracemalloc
from contextlib import contextmanager

import numpy as np
import pytest
from safetensors.numpy import load

from coordinator.releases.publishing import Payloads
from coordinator.rounds.spool import Spool
from coordinator.rounds.summing import total
from participant.door import sealing
from protocols import ring
from protocols.codec import decode
from protocols.errors import OutOfBounds
from protocols.limits import CHUNK_BYTES
from protocols.messages import InputHeader
from protocols.release import TENSOR
from protocols.secure_sum import contributor
from protocols.service import durable
from tests.protocols.secure_sum.stage import Stage, counting

ELEMENTS = 6 * 2**20 + 5
"""24 MiB in 25 chunks."""
A_FEW_CHUNKS = 10 * CHUNK_BYTES
"""Of 25. The sum takes most, 8 MiB: the words of a chunk, its numbers of eight bytes, as bytes for the disk,
and those of the chunk before."""


def masked(n):
    """A stage after masking; every member's answer is one and the same array."""
    stage = Stage(n, spec=counting(ELEMENTS, bound=2**16))
    stage.inputs = [(np.arange(ELEMENTS, dtype=np.int64) % 1_000) << 24] * n
    return stage.advertise().share().mask()


@contextmanager
def peak():
    """A list that holds, after the block, the most bytes allocated in it beyond those before."""
    found = []
    tracemalloc.start()
    try:
        yield found
        found.append(tracemalloc.get_traced_memory()[1])
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("n", [3, 6])
def test_arrival_sum_and_release_hold_a_few_chunks_however_many_members_there_are(tmp_path, n):
    stage = masked(n).confirm().unmask()
    spool, payloads = Spool(folder=tmp_path / "spool"), Payloads(folder=tmp_path)
    headers = {
        decode(InputHeader, signed.body).sender: decode(InputHeader, signed.body) for signed in stage.headers
    }
    with peak() as arriving:
        for member, chunks in stage.chunks.items():
            arrival = spool.receive(1, 1, headers[member])
            for chunk in chunks:
                arrival.feed(chunk)
            assert arrival.finish()
    bundles = tuple(item for dealt in stage.bundles.values() for item in dealt)
    with peak() as summing:
        summed = total(stage.config, stage.settled(), tuple(stage.answers), bundles, spool)
        sha256 = payloads.keep(summed.elements, summed.parts)
    assert max(arriving[0], summing[0]) < A_FEW_CHUNKS
    tensors = load(payloads.path(sha256).read_bytes())
    np.testing.assert_array_equal(tensors[TENSOR], stage.expected(range(n)))
    assert sha256 == hashlib.sha256(tensors[TENSOR].tobytes()).digest()
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == [f"{sha256.hex()}.safetensors"]


def test_a_node_holds_its_answer_and_a_few_chunks_while_it_seals_and_masks(tmp_path):
    stage = Stage(3, spec=counting(ELEMENTS, bound=2**16)).advertise().share()
    answer = (np.arange(ELEMENTS, dtype=np.int64) % 1_000) << 24
    masking = contributor.begin_mask(stage.states[0], stage.config, stage.bundles_for(0), roll=stage.roll)
    with peak() as sealing_:
        durable.write(tmp_path / "a.sealed", (p.tobytes() for p in ring.encode_parts(answer, stage.spec)))
    with peak() as masking_:
        made = sealing.write_masked(tmp_path, masking, stage.config, tmp_path / "a.sealed")
    assert max(sealing_[0], masking_[0]) < A_FEW_CHUNKS
    words = ring.encode_vector(answer, stage.spec)
    assert (tmp_path / "a.sealed").read_bytes() == words.tobytes()
    last = contributor.mask_chunk(masking, stage.config, 24, words[24 * CHUNK_BYTES // 4 :])
    assert made.chunk_hashes[24] == hashlib.sha256(last).digest()
    assert (tmp_path / made.name).read_bytes()[24 * CHUNK_BYTES :] == last


def test_a_cell_out_of_bounds_far_into_an_answer_leaves_no_file(tmp_path):
    answer = np.zeros(ELEMENTS, dtype=np.int64)
    answer[-1] = 2**17 << 24
    spec = counting(ELEMENTS, bound=2**16)
    with pytest.raises(OutOfBounds):
        durable.write(tmp_path / "a.sealed", (p.tobytes() for p in ring.encode_parts(answer, spec)))
    assert list(tmp_path.iterdir()) == []
