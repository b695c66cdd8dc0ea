"""Keys of attempts, one small file each, outside the database and outside every backup.

An attempt's secrets lie in the database under such a key, and what it needs for the linear check after its
end under another. Erasing the secrets is deleting the file, so that neither a backup nor a freed database
page brings them back.
"""

from collections.abc import Callable, Collection
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from participant.errors import SecretsErased
from protocols.codec import enc
from protocols.limits import KEY_BYTES
from protocols.service import durable

NONCE_BYTES = 12


class AttemptKeys:
    """Per-attempt keys for one ``purpose`` in ``folder`` (mode 0600)."""

    def __init__(self, folder: Path, entropy: Callable[[int], bytes], purpose: str = "key") -> None:
        self._folder = folder
        self._entropy = entropy
        self._purpose = purpose

    def seal(self, key: tuple[int, int], state: str, plaintext: bytes) -> bytes:
        """Encrypt ``plaintext`` under the attempt's key, which is made at its first use."""
        path = self._path(key)
        if not path.exists():
            durable.write(path, [self._entropy(KEY_BYTES)])
        nonce = self._entropy(NONCE_BYTES)
        return nonce + ChaCha20Poly1305(path.read_bytes()).encrypt(nonce, plaintext, _context(key, state))

    def open(self, key: tuple[int, int], state: str, sealed: bytes) -> bytes:
        """Decrypt what :meth:`seal` made for the same attempt and state.

        Raises:
            SecretsErased: the key is gone, so the attempt is over for this node.
        """
        try:
            secret = self._path(key).read_bytes()
            nonce, body = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
            return ChaCha20Poly1305(secret).decrypt(nonce, body, _context(key, state))
        except (OSError, InvalidTag, ValueError) as error:
            raise SecretsErased(
                expected=f"the secrets of round {key[0]}, attempt {key[1]}",
                came="a key that was erased or does not fit",
                do="let this attempt end without this node; the next one starts afresh",
            ) from error

    def erase(self, key: tuple[int, int]) -> None:
        """Delete the attempt's key: its secrets cannot be read again."""
        durable.erase(self._path(key))

    def sweep(self, needed: Collection[tuple[int, int]]) -> None:
        """Delete every key of this purpose that is not ``needed``: a crash may have come in between."""
        keep = {self._path(key).name for key in needed}
        for path in self._folder.glob(f"*.{self._purpose}*"):  # half-written ones as well
            if path.name not in keep:
                durable.erase(path)

    def _path(self, key: tuple[int, int]) -> Path:
        return self._folder / f"{key[0]}-{key[1]}.{self._purpose}"


def _context(key: tuple[int, int], state: str) -> bytes:
    return enc("attempt-secrets", key[0].to_bytes(8, "big"), key[1].to_bytes(8, "big"), state.encode())
