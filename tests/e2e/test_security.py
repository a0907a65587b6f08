"""What callers meet who have no token, or the wrong one; who reaches whom; what each account may.

The tables of docs/operations/security.md are what this finds; WRITE_SECURITY=1 writes them anew.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from tests.e2e.harness import probes
from tests.e2e.harness.kube import eventually, get, kubectl
from tests.e2e.harness.release import FULL, ROOT, Release, installed
from tests.e2e.test_install import EXAMPLE, MODELS

pytestmark = pytest.mark.full

PAGE = ROOT / "docs/operations/security.md"
OWN = ("serving", "trainer", "param-server")
OLDEST_S = 900
"""A token of ten minutes ends within this, with what else there is to wait for."""

ASKS = """
import json, ssl, sys, urllib.error, urllib.request
address, token, body = sys.argv[1:]
headers = {"authorization": f"Bearer {token}"} if token else {}
context = ssl.create_default_context(cafile="/ours/ca.crt")
request = urllib.request.Request(address, body.encode(), headers)
try:
    print(urllib.request.urlopen(request, context=context, timeout=30).status, "{}")
except urllib.error.HTTPError as error:
    print(error.code, error.read().decode())
"""


SHOWN = """
import socket, ssl, sys
context = ssl.create_default_context(cafile="/ours/ca.crt")
with socket.create_connection((sys.argv[1], 8000), 10) as plain:
    with context.wrap_socket(plain, server_hostname=sys.argv[1]) as secured:
        print(secured.getpeercert()["serialNumber"])
"""


@pytest.fixture(scope="module")
def release(old_token: tuple[str, str]) -> Iterator[Release]:
    accounts = {"system:serviceaccount:NAMESPACE:shop": "client", old_token[1]: "client"}
    values = MODELS | {
        "auth": {"accounts": accounts},
        "follower": {"replicas": 1},
        "backup": {"enabled": True},
    }
    with installed("secured", values, "secure") as release:
        probes.start(release, "shop", {"app": "shop"}, token=True)
        probes.start(release, "other", {})
        probes.start(release, "prometheus", {"app.kubernetes.io/name": "prometheus"})
        yield release


@pytest.mark.timeout(OLDEST_S + 120)
def test_calls_without_the_right_token_are_refused_and_say_why(
    release: Release, old_token: tuple[str, str], figures: dict[str, Any]
) -> None:
    namespace = release.namespace
    address = f"https://{FULL}-serving.{namespace.name}.svc:8000/v1/models/late-flights:predict"
    body = json.dumps({"features": EXAMPLE})

    def asked(token: str) -> tuple[int, str]:
        status, _, said = probes.python(release, "shop", ASKS, address, token, body).partition(" ")
        return int(status), json.loads(said).get("error", "")

    def token_for(account: str, audience: str) -> str:
        return namespace.kubectl("create", "token", account, "--audience", audience).strip()

    good = probes.python(release, "shop", "print(open('/ours/token').read())").strip()
    assert eventually("the right token is taken", lambda: asked(good)[0] == 200)
    found = figures["refused"] = {
        "no token": asked(""),
        "a token that is none": asked("nonsense"),
        "another audience": asked(token_for("shop", "https://kubernetes.default.svc.cluster.local")),
        "an account without a role": asked(token_for("default", "riverrun")),
    }

    assert [status for status, _ in found.values()] == [401, 401, 401, 403]
    assert "needs a token" in found["no token"][1]
    assert "audience" in found["another audience"][1]
    assert "without a role here" in found["an account without a role"][1]
    assert eventually("the token has ended", lambda: asked(old_token[0])[0] == 401, within_s=OLDEST_S)
    figures["expired"] = expired = asked(old_token[0])[1]
    assert "expired" in expired


def test_callers_without_a_certificate_do_not_reach_the_parameter_server(release: Release) -> None:
    pod = release.namespace.pods("serving")[0]["metadata"]["name"]
    without = ("env", "-u", "RIVERRUN_TLS_CERT_FILE", "-u", "RIVERRUN_TLS_KEY_FILE", "riverrun", "models")

    with_it = release.namespace.kubectl("exec", pod, "--", "riverrun", "models")
    with pytest.raises(AssertionError, match="riverrun: the parameter server"):
        release.namespace.kubectl("exec", pod, "--", *without)

    assert "late-flights" in with_it


def test_a_new_certificate_is_shown_without_a_restart(release: Release, figures: dict[str, Any]) -> None:
    """Another name stands for a certificate that is due: both are what the renewal looks for."""
    address = f"{FULL}-serving.{release.namespace.name}.svc"
    pods = uids(release)
    before = probes.python(release, "shop", SHOWN, address)
    begun = time.monotonic()

    release.upgrade({"tls": {"extraNames": ["shop.example"]}})
    eventually(
        "another certificate is shown",
        lambda: probes.python(release, "shop", SHOWN, address) != before,
        # A node brings a Secret up to date once a minute or so.
        within_s=240,
    )

    figures["shown after, s"] = round(time.monotonic() - begun, 1)
    assert uids(release) == pods
    assert "learned in" in release.test()


def uids(release: Release) -> list[str]:
    return sorted(pod["metadata"]["uid"] for part in OWN for pod in release.namespace.pods(part))


def test_pods_reach_those_that_the_page_says(release: Release, figures: dict[str, Any]) -> None:
    targets = probes.addresses(release, *OWN, "follower")
    kubernetes = get("service", "kubernetes", "-n", "default")["spec"]["clusterIP"]
    targets["api-server"] = f"{kubernetes}:443"
    names = {part: release.namespace.pods(part)[0]["metadata"]["name"] for part in (*OWN, "follower")}
    callers = names | {"a client (networkPolicy.clients)": "shop", "Prometheus": "prometheus"}
    callers |= {"any other pod": "other"}
    rows = ["| from \\ to | " + " | ".join(targets) + " |", "| --- " * (len(targets) + 1) + "|"]
    for caller, pod in callers.items():
        reached = probes.reached(release, pod, targets)
        own = {name for name in targets if pod == names.get(name.rpartition("-")[0])}
        cells = ["itself" if name in own else "yes" if name in reached else "" for name in targets]
        rows.append(f"| {caller} | " + " | ".join(cells) + " |")

    shown("reach", rows)


def test_accounts_may_what_the_page_says(release: Release) -> None:
    namespace = release.namespace.name
    accounts = [one["metadata"]["name"] for one in release.namespace.get("serviceaccounts")["items"]]
    everyone = rights(namespace, "default")
    rows = ["| account | verbs | resources | names |", "| --- | --- | --- | --- |"]
    for account in sorted(name for name in accounts if name.startswith(FULL)):
        name = account.replace(FULL, "RELEASE-riverrun")
        beyond = sorted(rights(namespace, account) - everyone)
        lines = [
            f"{verbs} | {resources} | {names.replace(FULL, 'RELEASE-riverrun')}"
            for resources, names, verbs in beyond
        ]
        rows += [f"| `{name}` | {line} |" for line in lines or ["nothing | | "]]

    shown("rights", rows)


def rights(namespace: str, account: str) -> set[tuple[str, str, str]]:
    """(resources or addresses, names, verbs) that an account may, as `kubectl auth can-i --list` says."""
    who = f"system:serviceaccount:{namespace}:{account}"
    said = kubectl("auth", "can-i", "--list", "--as", who, "--namespace", namespace)
    found = set()
    for line in said.splitlines()[1:]:
        cells = re.findall(r"\[[^\]]*\]", line)
        urls, names, verbs = (cell.strip("[]").replace(" ", ", ") for cell in cells)
        found.add((line.split("[")[0].strip() or urls, names, verbs))
    return found


def shown(part: str, rows: Sequence[str]) -> None:
    """Fail unless the page has these rows between its marks of that part; WRITE_SECURITY=1 writes them."""
    begin, end = f"<!-- {part}: written by tests/e2e -->\n", f"<!-- end of {part} -->"
    page = PAGE.read_text()
    before, _, rest = page.partition(begin)
    committed, _, after = rest.partition(end)
    found = "\n".join(rows) + "\n"
    if os.environ.get("WRITE_SECURITY"):
        PAGE.write_text(before + begin + found + end + after)
        return
    assert committed == found
