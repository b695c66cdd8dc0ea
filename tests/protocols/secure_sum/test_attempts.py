import pytest

from protocols.errors import BadSignature, UnknownSigner
from protocols.identity import COORDINATOR, IdentityKey
from protocols.secure_sum.attempts import open_config
from tests.protocols.secure_sum.stage import Stage

CONFIG = Stage(4).config


def test_a_configuration_counts_only_with_the_coordinators_signature():
    key, other = IdentityKey(bytes(32)), IdentityKey(bytes([1]) * 32)
    roll = {COORDINATOR: key.public, CONFIG.cohort[0]: other.public}
    assert open_config(key.sign(COORDINATOR, CONFIG), roll) == CONFIG
    with pytest.raises(UnknownSigner):
        open_config(other.sign(CONFIG.cohort[0], CONFIG), roll)
    with pytest.raises(BadSignature):
        open_config(other.sign(COORDINATOR, CONFIG), roll)
