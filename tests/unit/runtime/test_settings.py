"""What every service refuses in its settings."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from riverrun.runtime.loopback import is_loopback
from riverrun.runtime.settings import ServiceSettings


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_loopback_needs_no_credentials(host: str) -> None:
    assert ServiceSettings(host=host).host == host


@pytest.mark.parametrize("host", ["0.0.0.0", "10.0.0.1", "::", "example.org"])
def test_any_other_address_must_be_said_out_loud(host: str) -> None:
    with pytest.raises(ValidationError, match="say insecure"):
        ServiceSettings(host=host)

    assert ServiceSettings(host=host, insecure=True).host == host
    assert not is_loopback(host)
