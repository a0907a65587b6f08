"""Settings of TLS and tokens, by the same names in every process: ``RIVERRUN_TLS_…``, ``RIVERRUN_AUTH_…``.

Names of files, never what is in them: a secret in the environment is seen by whoever lists processes. Each
file is read again when it changes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")

AuthMode = Literal["none", "keys", "tokenReview", "jwks"]


class TlsSettings(BaseSettings):
    """What a process shows to others, and how it knows them."""

    model_config = SettingsConfigDict(
        frozen=True,
        use_attribute_docstrings=True,
        # As flags: `--http-port 8003`, `--insecure`.
        cli_implicit_flags=True,
        cli_kebab_case=True,
        cli_hide_none_type=True,
    )

    tls_cert_file: Path | None = Field(default=None, validation_alias="RIVERRUN_TLS_CERT_FILE")
    """PEM file of the certificate this process shows, with those between it and its CA. Every port then
    takes TLS alone; calls of other services show it too. Empty: no TLS."""

    tls_key_file: Path | None = Field(default=None, validation_alias="RIVERRUN_TLS_KEY_FILE")
    """PEM file of the certificate's private key."""

    tls_ca_file: Path | None = Field(default=None, validation_alias="RIVERRUN_TLS_CA_FILE")
    """PEM file of the certificate authorities that others are checked against. Calls of other services then
    go by TLS alone. Empty: they go without."""

    tls_client_certs: Literal["off", "required"] = Field(
        default="off", validation_alias="RIVERRUN_TLS_CLIENT_CERTS"
    )
    """required: the gRPC port takes only callers that show a certificate of `tls_ca_file`. HTTP ports never
    ask: the probes of a kubelet have none."""

    tls_server_name: str = Field(default="", validation_alias="RIVERRUN_TLS_SERVER_NAME")
    """Name that the certificate of a called service must be for, where it is not the one that is dialled."""

    token_file: Path | None = Field(default=None, validation_alias="RIVERRUN_TOKEN_FILE")
    """File of the token that calls of other services carry. Empty: none."""

    @model_validator(mode="after")
    def _tls_is_whole(self) -> TlsSettings:
        if (self.tls_cert_file is None) != (self.tls_key_file is None):
            raise ValueError("RIVERRUN_TLS_CERT_FILE and RIVERRUN_TLS_KEY_FILE: expected both or none")
        if self.tls_client_certs == "required" and (self.tls_ca_file is None or self.tls_cert_file is None):
            raise ValueError(
                "RIVERRUN_TLS_CLIENT_CERTS: required needs RIVERRUN_TLS_CERT_FILE, RIVERRUN_TLS_KEY_FILE and "
                "RIVERRUN_TLS_CA_FILE"
            )
        return self

    def unprotected(self) -> list[str]:
        """What is missing to listen where others can reach it, in words."""
        return [] if self.tls_cert_file else ["TLS (RIVERRUN_TLS_CERT_FILE and RIVERRUN_TLS_KEY_FILE)"]


class AuthSettings(TlsSettings):
    """How a process that others call knows who they are, and what they may."""

    auth_mode: AuthMode = Field(default="none", validation_alias="RIVERRUN_AUTH_MODE")
    """none: whoever connects may do everything. keys: keys of `auth_keys_file`. tokenReview: tokens of
    Kubernetes' service accounts, each shown to the API server, and keys. jwks: the same tokens, checked here
    with the cluster's public keys, and keys."""

    auth_keys_file: Path | None = Field(default=None, validation_alias="RIVERRUN_AUTH_KEYS_FILE")
    """File of keys, each a line ``NAME ROLE sha256:HASH``, as `riverrun keys new` writes them."""

    auth_accounts_file: Path | None = Field(default=None, validation_alias="RIVERRUN_AUTH_ACCOUNTS_FILE")
    """File of service accounts, each a line ``system:serviceaccount:NAMESPACE:NAME ROLE``; NAME may be *."""

    auth_audience: str = Field(default="riverrun", min_length=1, validation_alias="RIVERRUN_AUTH_AUDIENCE")
    """Audience that tokens of service accounts must be for."""

    auth_api_server: str = Field(
        default="https://kubernetes.default.svc", validation_alias="RIVERRUN_AUTH_API_SERVER"
    )
    """URL of the Kubernetes API server that knows the tokens."""

    auth_api_ca_file: Path = Field(default=_ACCOUNT / "ca.crt", validation_alias="RIVERRUN_AUTH_API_CA_FILE")
    """PEM file of the API server's certificate authorities."""

    auth_api_token_file: Path = Field(
        default=_ACCOUNT / "token", validation_alias="RIVERRUN_AUTH_API_TOKEN_FILE"
    )
    """File of this process's own token for the API server."""

    @model_validator(mode="after")
    def _auth_is_whole(self) -> AuthSettings:
        if self.auth_mode == "keys" and self.auth_keys_file is None:
            raise ValueError("RIVERRUN_AUTH_MODE: keys needs RIVERRUN_AUTH_KEYS_FILE")
        if self.auth_mode in ("tokenReview", "jwks") and self.auth_accounts_file is None:
            raise ValueError(f"RIVERRUN_AUTH_MODE: {self.auth_mode} needs RIVERRUN_AUTH_ACCOUNTS_FILE")
        return self

    def unprotected(self) -> list[str]:
        """What is missing to listen where others can reach it, in words."""
        return super().unprotected() + (["tokens (RIVERRUN_AUTH_MODE)"] if self.auth_mode == "none" else [])
