"""An attempt pinned to the byte: what the collector admits, refuses, and sums."""

import numpy as np
import pytest

from protocols.codec import decode, digest
from protocols.errors import AltroveError
from protocols.identity import PartnerId, Signed
from protocols.messages import Phase, RoundConfig, SealedShare, Submission
from protocols.secure_sum.collector import check_submission, context
from protocols.secure_sum.sealing import unseal
from protocols.secure_sum.transcript import members_hash
from protocols.secure_sum.unmasking import combine, sum_chunks
from tests.protocols.secure_sum.pinning import hybrid
from tests.protocols.secure_sum.stage import Stage
from tests.protocols.vector_files import is_bad, load

PINNED = load("submissions")


def signed(name):
    return [decode(Signed, bytes.fromhex(each)) for each in PINNED[name]]


CONFIG = decode(RoundConfig, bytes.fromhex(PINNED["config"]))
ROLL = {PartnerId(bytes.fromhex(k)): bytes.fromhex(v) for k, v in PINNED["roll"].items()}
SETTLED = context(
    CONFIG,
    ads=signed("ads"),
    u2=[PartnerId(bytes.fromhex(each)) for each in PINNED["u2"]],
    headers=signed("headers"),
)


@pytest.mark.parametrize("operation", PINNED["operations"], ids=lambda o: o["name"])
def test_a_submission_is_admitted_or_refused_by_name(operation):
    submission = decode(Submission, bytes.fromhex(operation["submission"]))

    def check():
        sender = PartnerId(bytes.fromhex(operation["sender"]))
        check_submission(CONFIG, Phase(operation["phase"]), submission, sender, roll=ROLL, context=SETTLED)

    if is_bad(operation):
        with pytest.raises(AltroveError) as caught:
            check()
        assert caught.value.code == operation["error"]
    else:
        check()


def test_the_hashes_are_those_pinned():
    assert digest(CONFIG).hex() == PINNED["config_hash"]
    assert SETTLED.transcript.hex() == PINNED["transcript"]
    assert members_hash(SETTLED.u2).hex() == PINNED["members"]
    assert members_hash(SETTLED.u3).hex() == PINNED["survivors"]


def test_the_pinned_vectors_give_the_pinned_sum():
    unmasking = combine(CONFIG, SETTLED, signed("answers"), bundles=())
    chunks = [bytes.fromhex(each) for each in PINNED["masked"]]
    assert sum_chunks(CONFIG, unmasking, 0, chunks).tolist() == PINNED["sum"]


def test_the_same_randomness_plays_the_same_attempt():
    stage = Stage(4).advertise().share().mask(range(3)).confirm(range(3)).unmask(range(3))
    assert stage.config == CONFIG
    assert stage.ads == signed("ads")
    assert stage.headers == signed("headers")
    assert stage.answers == signed("answers")
    assert np.array_equal(stage.total(), PINNED["sum"])
    good = [o["submission"] for o in PINNED["operations"] if o["name"] == "bundles"]
    assert list(stage.bundles[0]) == list(decode(Submission, bytes.fromhex(good[0])).items)


def test_an_attempt_of_suite_2_is_pinned_to_the_byte():
    assert hybrid() == load("attempt_hybrid")


@pytest.mark.parametrize("operation", load("sealing")["operations"], ids=lambda o: o["name"])
def test_a_bundle_opens_or_is_refused(operation):
    get = {name: bytes.fromhex(operation[name]) for name in operation if name not in {"name", "error"}}
    message = SealedShare(
        config=get["config"],
        transcript=get["transcript"],
        sender=get["sender"],
        recipient=get["recipient"],
        sealed=get["sealed"],
    )
    if is_bad(operation):
        with pytest.raises(AltroveError) as caught:
            unseal(get["key"], message)
        assert caught.value.code == operation["error"]
    else:
        shares = unseal(get["key"], message)
        assert (shares.owner, shares.self_share, shares.key_share) == (
            get["sender"],
            get["self_share"],
            get["key_share"],
        )
