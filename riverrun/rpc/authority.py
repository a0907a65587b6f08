"""A certificate authority of our own, in a folder: for stacks without one from elsewhere."""

from __future__ import annotations

import datetime
import ipaddress
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from riverrun.core.errors import InvalidInput
from riverrun.runtime.folders import sync_folder

if TYPE_CHECKING:
    # Slow to import, and only the verb that makes certificates needs it.
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.x509 import Certificate, GeneralName

CA_CERT, CA_KEY, CERT, KEY = "ca.crt", "ca.key", "tls.crt", "tls.key"

CA_DAYS = 3650

_NAME = re.compile(
    r"(\*\.)?[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*"
)

# Clocks differ: what is made now is good a little before.
_EARLIER = datetime.timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Issued:
    """What was made in `folder`: ``tls.crt`` and ``tls.key``, and the authority where `is_new_ca`."""

    folder: Path
    names: tuple[str, ...]
    expires: datetime.datetime
    is_new_ca: bool


def issue(folder: Path, names: Sequence[str], *, days: int) -> Issued:
    """Write a certificate for `names` (host names and addresses), good for `days`, and its key.

    It is signed by the authority in the folder, ``ca.crt`` and ``ca.key``, made where there is none.
    Services that use the files take the new ones by themselves. Blocks. Raises `InvalidInput`, OSError.
    """
    from cryptography.hazmat.primitives.asymmetric import ec

    alternatives = [_alternative(name) for name in names]
    if not alternatives:
        raise InvalidInput("name", "expected at least one host name or address")
    folder.mkdir(parents=True, exist_ok=True)
    is_new_ca = not (folder / CA_KEY).exists() and not (folder / CA_CERT).exists()
    if is_new_ca:
        key = ec.generate_private_key(ec.SECP256R1())
        _write(folder / CA_KEY, _key_pem(key), 0o600)
        _write(folder / CA_CERT, _cert_pem(_authority(key)), 0o644)
    ca_key, ca_cert = _read_authority(folder)
    key = ec.generate_private_key(ec.SECP256R1())
    expires = min(_now() + datetime.timedelta(days=days), ca_cert.not_valid_after_utc)
    cert = _leaf(key, alternatives, expires, ca_cert, ca_key)
    # Whoever reads between the two finds no pair, and keeps the former one until the next look.
    _write(folder / KEY, _key_pem(key), 0o600)
    _write(folder / CERT, _cert_pem(cert), 0o644)
    sync_folder(folder)
    return Issued(folder, tuple(names), expires, is_new_ca)


def _alternative(name: str) -> GeneralName:
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        pass
    if len(name) > 253 or not _NAME.fullmatch(name):
        raise InvalidInput("name", f"expected a host name or an address, got {name[:64]!r}")
    return x509.DNSName(name)


def _authority(key: EllipticCurvePrivateKey) -> Certificate:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    name = _subject("riverrun CA")
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_now() - _EARLIER)
        .not_valid_after(_now() + datetime.timedelta(days=CA_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )


def _leaf(
    key: EllipticCurvePrivateKey,
    names: Sequence[GeneralName],
    expires: datetime.datetime,
    ca_cert: Certificate,
    ca_key: EllipticCurvePrivateKey,
) -> Certificate:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.x509.oid import ExtendedKeyUsageOID

    return (
        x509.CertificateBuilder()
        .subject_name(_subject("riverrun"))
        .issuer_name(ca_cert.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_now() - _EARLIER)
        .not_valid_after(expires)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        # Services show it to those who call them and to those whom they call.
        .add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]),
            critical=False,
        )
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False
        )
        .sign(ca_key, hashes.SHA256())
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _read_authority(folder: Path) -> tuple[EllipticCurvePrivateKey, Certificate]:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key((folder / CA_KEY).read_bytes(), password=None)
        cert = x509.load_pem_x509_certificate((folder / CA_CERT).read_bytes())
    except ValueError as error:
        raise InvalidInput("folder", f"{folder} holds no authority: {error}") from error
    if not isinstance(key, EllipticCurvePrivateKey) or key.public_key() != cert.public_key():
        raise InvalidInput("folder", f"{folder}: expected {CA_KEY} to be the key, on a curve, of {CA_CERT}")
    return key, cert


def _subject(common_name: str) -> x509.Name:
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def _key_pem(key: EllipticCurvePrivateKey) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _cert_pem(cert: Certificate) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding

    return cert.public_bytes(Encoding.PEM)


def _write(path: Path, content: bytes, mode: int) -> None:
    """Put `content` in place at once: nobody sees half a file."""
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.unlink(missing_ok=True)
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(path)
