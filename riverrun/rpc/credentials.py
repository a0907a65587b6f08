"""What a process shows to the services it calls: a certificate, and a token."""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import grpc

from riverrun.core.errors import InvalidInput
from riverrun.runtime.certificates import CertificateFiles, Certificates, client_context
from riverrun.runtime.loopback import is_loopback
from riverrun.runtime.watched_files import LOOK_EVERY_S, WatchedFiles

if TYPE_CHECKING:
    from riverrun.runtime.settings import ServiceSettings

MAX_TOKEN = 16_384
"""Characters of a token at most: one of a service account has about a thousand."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """Files, each read again when it changes; by default none, for services on loopback.

    With `certificates.ca` calls go by TLS alone. `server_name` is what the other side's certificate must be
    for, where that is not the name dialled. `token_file` holds the token that each call carries; it goes
    without TLS to loopback alone, unless `insecure` says that the network itself is safe.
    """

    certificates: CertificateFiles = field(default_factory=CertificateFiles)
    server_name: str = ""
    token_file: Path | None = None
    insecure: bool = False
    look_every_s: float = LOOK_EVERY_S

    @classmethod
    def of(cls, settings: ServiceSettings) -> Credentials:
        """Those that a service's settings name."""
        files = CertificateFiles.of(settings)
        return cls(files, settings.tls_server_name, settings.token_file, settings.insecure)

    @classmethod
    def from_environment(
        cls,
        *,
        ca: Path | None = None,
        cert: Path | None = None,
        key: Path | None = None,
        token_file: Path | None = None,
        server_name: str = "",
        insecure: bool = False,
    ) -> Credentials:
        """What is given, and the rest from RIVERRUN_TLS_CA_FILE, …_CERT_FILE, …_KEY_FILE, …_SERVER_NAME and
        RIVERRUN_TOKEN_FILE. Raises `InvalidInput` for a certificate without its key."""
        ca = ca or _path("RIVERRUN_TLS_CA_FILE")
        cert = cert or _path("RIVERRUN_TLS_CERT_FILE")
        key = key or _path("RIVERRUN_TLS_KEY_FILE")
        if (cert is None) != (key is None):
            raise InvalidInput("cert", "expected a certificate and its key, got one of them")
        return cls(
            CertificateFiles(cert, key, ca),
            server_name or os.environ.get("RIVERRUN_TLS_SERVER_NAME", ""),
            token_file or _path("RIVERRUN_TOKEN_FILE"),
            insecure,
        )

    @property
    def are_empty(self) -> bool:
        """Whether calls go as they are: no TLS, no token."""
        return not self.uses_tls and self.token_file is None

    @property
    def uses_tls(self) -> bool:
        """Whether calls of other services go by TLS."""
        return self.certificates.ca is not None

    def check_plain(self, host: str) -> None:
        """Raise `InvalidInput` where a token must not go to `host` without TLS."""
        if self.token_file is not None and not self.insecure and not is_loopback(host):
            raise InvalidInput(
                "ca", f"expected TLS: the token must not go to {host[:100]} in the clear; or say insecure"
            )

    def watched_certificates(self) -> WatchedFiles[Certificates]:
        """The certificates; raises `InvalidInput` where they cannot be used."""
        try:
            return self.certificates.watched(look_every_s=self.look_every_s)
        except (OSError, ValueError) as error:
            raise InvalidInput("certificate files", str(error)) from error

    def watched_http_context(self) -> WatchedFiles[ssl.SSLContext]:
        """TLS of an HTTP client; raises `InvalidInput` where the certificates cannot be used."""
        files = self.certificates
        try:
            return WatchedFiles(files.paths(), lambda: client_context(files), look_every_s=self.look_every_s)
        except OSError as error:
            raise InvalidInput("certificate files", str(error)) from error

    def watched_token(self) -> WatchedFiles[str] | None:
        """The token; None where there is none. Raises `InvalidInput` where the file holds none."""
        path = self.token_file
        if path is None:
            return None
        try:
            return WatchedFiles([path], lambda: read_token(path), look_every_s=self.look_every_s)
        except (OSError, ValueError) as error:
            raise InvalidInput("token file", str(error)) from error


def read_token(path: Path) -> str:
    """The token in a file. Raises OSError, and ValueError, which does not show what was found."""
    text = path.read_text(encoding="utf-8", errors="replace").strip()
    if not text or len(text) > MAX_TOKEN or not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError(f"{path}: expected a token on one line")
    return text


def channel_credentials(certificates: Certificates) -> grpc.ChannelCredentials:
    """For a channel that checks the other side by the authorities, and shows the certificate if asked."""
    return grpc.ssl_channel_credentials(certificates.ca, certificates.key, certificates.cert)


def _path(variable: str) -> Path | None:
    text = os.environ.get(variable, "")
    return Path(text) if text else None
