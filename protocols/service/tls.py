"""TLS of the consortium: its own authority, server and client certificates, contexts, clear errors.

EC P-256 throughout, TLS 1.3 only, client certificates required at the socket. The primitives are
those of ``cryptography`` and ``ssl``; serial numbers come from the operating system through
``cryptography``. A partner's certificate names its id; authority rests on request signatures.
"""

import hashlib
import ipaddress
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from protocols.errors import BadInput
from protocols.identity import PartnerId
from protocols.service.clock import utc
from protocols.service.errors import BadCertificate

AUTHORITY_DAYS = 3650
LEAF_DAYS = 397
"""What browsers accept at most. Nothing renews them yet: see Limits in README.md."""

BACKDATE_S = 300
"""Certificates start five minutes ago, so that a slightly slow clock accepts them at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPair:
    """A certificate and its private key, both PEM."""

    certificate: bytes
    key: bytes = field(repr=False)


def make_authority(name: str, now: int) -> KeyPair:
    """A new certificate authority called ``name``, valid for ten years from ``now``."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _name(name)
    certificate = (
        _builder(subject, subject, key.public_key(), key.public_key(), now, AUTHORITY_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(sign_certificates=True), critical=True)
        .sign(key, hashes.SHA256())
    )
    return KeyPair(certificate=certificate.public_bytes(Encoding.PEM), key=_pem(key))


def make_server(authority: KeyPair, hosts: Sequence[str], now: int, *, days: int = LEAF_DAYS) -> KeyPair:
    """A server certificate for ``hosts`` (DNS names or IP addresses), issued by ``authority``."""
    if not hosts:
        raise BadInput(expected="at least one host name or address", came="none", do="name the public host")
    key = ec.generate_private_key(ec.SECP256R1())
    ca = x509.load_pem_x509_certificate(authority.certificate)
    certificate = (
        _builder(_name(hosts[0]), ca.subject, key.public_key(), ca.public_key(), now, days)
        .add_extension(x509.SubjectAlternativeName([_general_name(host) for host in hosts]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(sign_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(_private(authority.key), hashes.SHA256())
    )
    return KeyPair(certificate=certificate.public_bytes(Encoding.PEM), key=_pem(key))


def make_request(name: str) -> KeyPair:
    """A fresh client key and a signing request (PEM) for it; the key never leaves the node.

    The result's ``certificate`` field holds the request, to be replaced by what the authority issues.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    request = x509.CertificateSigningRequestBuilder().subject_name(_name(name)).sign(key, hashes.SHA256())
    return KeyPair(certificate=request.public_bytes(Encoding.PEM), key=_pem(key))


def issue_client(authority: KeyPair, request_pem: bytes, partner: PartnerId, now: int) -> bytes:
    """The client certificate (PEM) of ``partner`` for the key in a signing request.

    The subject comes from ``partner``, never from the request.

    Raises:
        BadInput: not a signing request, not EC P-256, or its own signature does not verify.
    """
    try:
        request = x509.load_pem_x509_csr(request_pem)
    except ValueError:
        raise _bad_request("bytes that are not one") from None
    public = request.public_key()
    if not isinstance(public, ec.EllipticCurvePublicKey) or public.curve.name != "secp256r1":
        raise _bad_request("another kind of key")
    if not request.is_signature_valid:
        raise _bad_request("one whose signature does not verify")
    ca = x509.load_pem_x509_certificate(authority.certificate)
    uri = x509.UniformResourceIdentifier(f"urn:altrove:partner:{partner.hex()}")
    certificate = (
        _builder(_name(partner.hex()), ca.subject, public, ca.public_key(), now, LEAF_DAYS)
        .add_extension(x509.SubjectAlternativeName([uri]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(sign_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .sign(_private(authority.key), hashes.SHA256())
    )
    return certificate.public_bytes(Encoding.PEM)


def fingerprint(certificate_pem: bytes) -> bytes:
    """SHA-256 over the DER of a certificate, as the roster pins it."""
    der = x509.load_pem_x509_certificate(certificate_pem).public_bytes(Encoding.DER)
    return hashlib.sha256(der).digest()


def ends_at(certificate: Path) -> int:
    """The unix second after which the certificate in the file (PEM) is refused.

    Raises:
        BadCertificate: there is no such file, or it holds something else.
    """
    try:
        return int(x509.load_pem_x509_certificate(certificate.read_bytes()).not_valid_after_utc.timestamp())
    except (OSError, ValueError) as error:
        raise BadCertificate(
            expected=f"a PEM certificate in {certificate}",
            came=str(error),
            do="restore it from the backup of the keys folder",
        ) from None


def server_context(
    certificate: Path, key: Path, *, authority: Path | None, require_client: bool
) -> ssl.SSLContext:
    """A TLS 1.3 context of a listener.

    With ``require_client``, nobody speaks without a certificate that ``authority`` issued.

    Raises:
        BadCertificate: the files are missing, unreadable or do not belong together.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    _load(context, certificate, key)
    if require_client:
        context.verify_mode = ssl.CERT_REQUIRED
        if authority is None:
            raise ValueError("a listener that requires client certificates needs their authority")
        _trust(context, authority.read_text())
    return context


def client_context(
    authority_pem: str, *, certificate: Path | None = None, key: Path | None = None
) -> ssl.SSLContext:
    """A TLS 1.3 context that trusts only the consortium's authority and shows our certificate.

    Raises:
        BadCertificate: files or authority are missing or unreadable.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    _trust(context, authority_pem)
    if certificate is not None and key is not None:
        _load(context, certificate, key)
    return context


def _load(context: ssl.SSLContext, certificate: Path, key: Path) -> None:
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise BadCertificate(
            expected=f"a certificate and its key in {certificate} and {key}",
            came=str(error),
            do="restore both files from the same backup; this version cannot make them anew",
        ) from None


def _trust(context: ssl.SSLContext, authority_pem: str) -> None:
    try:
        context.load_verify_locations(cadata=authority_pem)
    except ssl.SSLError as error:
        raise BadCertificate(
            expected="the PEM certificate of the consortium's authority",
            came=str(error),
            do="copy it again from the invitation",
        ) from None


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    public: ec.EllipticCurvePublicKey,
    issuer_public: object,
    now: int,
    days: int,
) -> x509.CertificateBuilder:
    if not isinstance(issuer_public, ec.EllipticCurvePublicKey):
        raise BadInput(
            expected="an EC P-256 authority", came="another kind of key", do="make a new authority"
        )
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(utc(now - BACKDATE_S))
        .not_valid_after(utc(now) + timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_public), critical=False)
    )


def _usage(*, sign_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not sign_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=sign_certificates,
        crl_sign=sign_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name[:64])])


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _private(pem: bytes) -> ec.EllipticCurvePrivateKey:
    key = load_pem_private_key(pem, password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise BadInput(expected="an EC private key", came="another kind", do="make a new authority")
    return key


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _bad_request(came: str) -> BadInput:
    return BadInput(expected="a PEM signing request with an EC P-256 key", came=came, do="run `join` again")
