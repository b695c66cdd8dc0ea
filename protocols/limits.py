"""Every limit in one place, each with its unit and its reason."""

from typing import Final

PROTOCOL_VERSION: Final = 1
"""Version in every domain tag; a message of another version is refused."""

ID_BYTES: Final = 16
"""A partner or consortium id: 128 bits, collision-free among any number of companies."""

HASH_BYTES: Final = 32
"""SHA-256."""

KEY_BYTES: Final = 32
"""X25519 and Ed25519 public keys, shared secrets and mask seeds."""

KEM_SEED_BYTES: Final = 64
"""d || z, from which FIPS 203 makes a pair of ML-KEM-768 keys."""

KEM_KEY_BYTES: Final = 1_184
"""An encapsulation key of ML-KEM-768 (FIPS 203, table 3)."""

KEM_CIPHERTEXT_BYTES: Final = 1_088
"""A ciphertext of ML-KEM-768 (FIPS 203, table 3)."""

NUMBER_MAX: Final = 2**63 - 1
"""Rounds, attempts, heights, sizes and instants: what an integer column of every database holds."""

COHORT_MIN: Final = 3
"""Protocol floor: with two companies each learns the other's answer by subtraction."""

COHORT_MAX: Final = 1_000
"""Complete graph up to here; larger consortia form groups."""

MESSAGE_BYTES: Final = 8 * 2**20
"""A handshake message: 1,000 advertisements, confirmations or sealed shares of 300 to 800 bytes stay far below
8 MiB, and so do 1,000 advertisements or sealed shares of suite 2, of about 2,700 bytes."""

DELIVERY_BYTES: Final = 16 * 2**20
"""What a member is handed to act on. Longest are the headers of the longest vectors, each with 400 hashes:
15 MB from 1,000 members."""

EVIDENCE_BYTES: Final = 96 * 2**20
"""The signed messages behind a sum: 1,000 unmask answers of 1,000 shares take 56 MB, 1,000 headers of the
longest vectors 15 MB."""

CHUNK_BYTES: Final = 2**20
"""Masked vectors are hashed, sent and added in chunks of 1 MiB: a multiple of both word sizes,
which still fits a core's cache while masks are added to it."""

PIECE_BYTES: Final = 32 * CHUNK_BYTES
"""A longer vector travels in pieces of 32 MiB: a courier holds a piece or two, whatever the vector; a piece
takes 27 s at 10 Mbit/s, and starting a ClientApp (about 2 s) is still small beside carrying it."""

RECOMPUTED_MEMBERS: Final = 32
"""Up to so many companies every member recomputes a sum by itself, unasked."""

RECOMPUTED_BYTES: Final = 64 * 2**20
"""And up to so many bytes of masked vectors together: about a minute at 10 Mbit/s, within one phase."""

RECOMPUTED_AFTER_BYTES: Final = 256 * 2**20
"""So many, of however many companies, where a linear check ended without saying that the sum is right: four
minutes at 10 Mbit/s, in which a node does nothing else; a larger one is left to its officer."""

LINEAR_CHECK_S: Final = 3_600
"""How long after the last deadline of an attempt its survivors wait for one another in the linear check: a node
that was restarted or cut off for a while does not leave a release unverified."""

VECTOR_BYTES: Final = 400 * 2**20
"""Largest masked vector: 1e8 parameters of 4 bytes, rounded up."""

FRACTION_BITS: Final = 24
"""Fixed point of every answer: int64 with 24 fractional bits (rows carry 12 each)."""

ROW_BITS: Final = 12
"""Fractional bits of one customer's taste row; a product of two has ``FRACTION_BITS``."""

CLOCK_SKEW_S: Final = 300
"""A signed request older or newer than this is refused (Kerberos' long-standing five minutes)."""

NAME_CHARS: Final = 80
"""A company's or a vocabulary's name: one line of a console, no room for a paragraph."""

COURIER_KEY_BYTES: Final = 1_024
"""An OpenSSH public key line: EC P-384 takes about 180 bytes."""

CONCEPT_CHARS: Final = 200
"""One concept's name; the longest in common product taxonomies has about 120 characters."""

CONCEPTS_MAX: Final = 100_000
"""Concepts in a vocabulary: codes of a large grocer, and still one message of at most 8 MiB."""

SQUARE_MAX: Final = 20_000
"""Concepts up to which a company makes a square of its own: 3.2 GB there, and training holds a few of them. Requests
were timed up to here; beyond, there are the columns of landmarks."""

RELEASE_HEADER_BYTES: Final = 64 * 2**10
"""What a release file may add to its numbers: the safetensors header takes about 100 bytes."""

PAYLOAD_BYTES: Final = 2 * VECTOR_BYTES + RELEASE_HEADER_BYTES
"""Longest release that is fetched: a sum has 8 bytes where a masked vector has at least 4."""

REASON_CHARS: Final = 500
"""A voter's reason: two or three sentences, and never a table of figures."""
