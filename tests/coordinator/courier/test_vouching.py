"""Only a signature over this very bundle is sent along."""

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from coordinator.courier import vouching
from protocols.bundle import BundleSignature

FAB = b"a bundle"
SIGNATURE = BundleSignature.make(Ed25519PrivateKey.from_private_bytes(bytes(32)), FAB, now=1_700_000_000)


def test_only_a_signature_over_this_bundle_is_taken(tmp_path):
    path = tmp_path / "bundle.signature"
    assert vouching.signature_of(FAB, None) is None
    assert vouching.signature_of(FAB, path) is None
    path.write_text(SIGNATURE.json())
    assert vouching.signature_of(FAB, path) == SIGNATURE
    assert vouching.signature_of(FAB + b"!", path) is None
