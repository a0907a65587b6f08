"""Keeps a release's certificate: makes an authority and a certificate where there is none, and renews it.

Run by a Job before each install and upgrade, and by a CronJob. The authority lies in the Secret …-ca, which
no pod mounts; the certificate and its key in …-tls; the authority's certificate alone in the ConfigMap …-ca.
"""

from __future__ import annotations

import base64
import datetime
import json
import os
import ssl
import tempfile
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from cryptography import x509

from riverrun.rpc.authority import issue

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
NAMESPACE, FULLNAME = os.environ["NAMESPACE"], os.environ["FULLNAME"]


def call(method: str, path: str, document: Any = None) -> Any:
    """What the API server answers; None where there is no such object."""
    request = urllib.request.Request(
        f"https://kubernetes.default.svc/api/v1/namespaces/{NAMESPACE}/{path}",
        method=method,
        data=None if document is None else json.dumps(document).encode(),
        headers={
            "authorization": f"Bearer {(ACCOUNT / 'token').read_text()}",
            "content-type": "application/json",
        },
    )
    context = ssl.create_default_context(cafile=str(ACCOUNT / "ca.crt"))
    try:
        with urllib.request.urlopen(request, context=context, timeout=30) as answer:  # noqa: S310  # https
            return json.load(answer)
    except urllib.error.HTTPError as error:
        if error.code == 404 and method == "GET":
            return None
        raise SystemExit(f"{method} {path}: {error.code} {error.read().decode()[:500]}") from error


def read(kind: str, name: str) -> dict[str, bytes]:
    """What a Secret holds; empty where there is none."""
    found = call("GET", f"{kind}/{name}") or {}
    return {key: base64.b64decode(value) for key, value in found.get("data", {}).items()}


def write(kind: str, name: str, data: dict[str, str], **more: Any) -> None:
    """Make the object hold `data`, and nothing else."""
    there = call("GET", f"{kind}/{name}")
    labels = {"app.kubernetes.io/part-of": "riverrun", "app.kubernetes.io/instance": FULLNAME}
    metadata = {"name": name, "labels": labels}
    document = {"apiVersion": "v1", "metadata": metadata, "data": data, **more}
    if there is None:
        call("POST", kind, document)
    else:
        document["metadata"] = there["metadata"]
        call("PUT", f"{kind}/{name}", document)


def is_good(pem: bytes, names: list[str], days: int) -> bool:
    """Whether the certificate is for these names, and has two thirds of its days left."""
    cert = x509.load_pem_x509_certificate(pem)
    found = cert.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    left = cert.not_valid_after_utc - datetime.datetime.now(datetime.UTC)
    wanted = {name for name in names if name != "127.0.0.1"}
    return set(found.get_values_for_type(x509.DNSName)) == wanted and left.days * 3 >= days * 2


def main() -> None:
    """Renew what is due."""
    names = [*os.environ["NAMES"].split(","), "127.0.0.1"]
    days = int(os.environ["DAYS"])
    authority, there = read("secrets", f"{FULLNAME}-ca"), read("secrets", f"{FULLNAME}-tls")
    if authority and there and is_good(there["tls.crt"], names, days):
        print("the certificate is good for a while")
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file, content in authority.items():
            (folder / file).write_bytes(content)
        issued = issue(folder, names, days=days)
        made = {file: (folder / file).read_bytes() for file in ("ca.crt", "ca.key", "tls.crt", "tls.key")}
    encoded = {file: base64.b64encode(content).decode() for file, content in made.items()}
    if not authority:
        write("secrets", f"{FULLNAME}-ca", {file: encoded[file] for file in ("ca.crt", "ca.key")})
    pair = {file: encoded[file] for file in ("ca.crt", "tls.crt", "tls.key")}
    write("secrets", f"{FULLNAME}-tls", pair, type="kubernetes.io/tls")
    write("configmaps", f"{FULLNAME}-ca", {"ca.crt": made["ca.crt"].decode()})
    print(f"a certificate until {issued.expires}{', by a new authority' if issued.is_new_ca else ''}")


if __name__ == "__main__":
    main()
