"""A process's certificate, its key and the authorities it trusts: files that are replaced while it runs."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from riverrun.runtime.watched_files import LOOK_EVERY_S, WatchedFiles

if TYPE_CHECKING:
    from riverrun.runtime.security_settings import TlsSettings


@dataclass(frozen=True, slots=True)
class CertificateFiles:
    """PEM files. `cert` and `key` are both there or both missing."""

    cert: Path | None = None
    key: Path | None = None
    ca: Path | None = None

    @classmethod
    def of(cls, settings: TlsSettings) -> CertificateFiles:
        """Those that `settings` name."""
        return cls(settings.tls_cert_file, settings.tls_key_file, settings.tls_ca_file)

    def paths(self) -> list[Path]:
        """Those that are there."""
        return [path for path in (self.cert, self.key, self.ca) if path is not None]

    def watched(self, *, look_every_s: float = LOOK_EVERY_S) -> WatchedFiles[Certificates]:
        """Their content, read again when it changes. Raises OSError, ValueError naming the file."""
        return WatchedFiles(self.paths(), self.read, look_every_s=look_every_s)

    def read(self) -> Certificates:
        """Their content now. Raises OSError, and ValueError where the key is not that of the certificate."""
        cert, key, ca = (
            None if path is None else path.read_bytes() for path in (self.cert, self.key, self.ca)
        )
        if cert is not None and key is not None:
            _check_pair(cert, key, f"{self.cert} and {self.key}")
        if ca is not None:
            _check_authorities(ca, str(self.ca))
        return Certificates(cert, key, ca)


@dataclass(frozen=True)
class Certificates:
    """PEM bytes that belong together."""

    cert: bytes | None
    key: bytes | None
    ca: bytes | None


class ServerContext:
    """TLS of an HTTP server: each handshake is made with the newest pair that is whole."""

    def __init__(self, cert: Path, key: Path, *, look_every_s: float = LOOK_EVERY_S) -> None:
        """Raises OSError (`ssl.SSLError` is one) where the files are no pair."""
        self._cert = cert
        self._key = key
        self._newest = WatchedFiles((cert, key), self._read, look_every_s=look_every_s)
        self.context = self._read()
        """To listen with."""
        # Called for each handshake, also when the client names no server.
        self.context.sni_callback = self._use_newest

    def _read(self) -> ssl.SSLContext:
        # A context of its own: loading a wrong pair into one that is in use would spoil it.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(self._cert, self._key)
        return context

    def _use_newest(self, connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        connection.context = self._newest.current()


def client_context(files: CertificateFiles) -> ssl.SSLContext:
    """TLS of an HTTP client that trusts the authorities of `files`, the system's where there are none.

    Raises OSError (`ssl.SSLError` is one) where they cannot be used.
    """
    context = ssl.create_default_context(cafile=files.ca)
    if files.cert is not None:
        context.load_cert_chain(files.cert, files.key)
    return context


def _check_pair(cert: bytes, key: bytes, files: str) -> None:
    # Here, not at the top: only processes with TLS pay for the import.
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        private = load_pem_private_key(key, password=None)
        public = x509.load_pem_x509_certificate(cert).public_key()
    except (ValueError, TypeError) as error:
        raise ValueError(f"{files}: expected a certificate and its key as PEM: {error}") from error
    if private.public_key() != public:
        raise ValueError(f"{files}: the key is not that of the certificate")


def _check_authorities(ca: bytes, file: str) -> None:
    from cryptography import x509

    try:
        x509.load_pem_x509_certificates(ca)
    except ValueError as error:
        raise ValueError(f"{file}: expected certificates as PEM: {error}") from error
