import logging

import click
import pytest

from service.host.preflight import is_this_machine_only, warn_if_strangers_reach_it

HOSTS = {
    **dict.fromkeys(("127.0.0.1", "127.1.2.3", "::1", "localhost"), True),
    **dict.fromkeys(("0.0.0.0", "::", "10.0.0.7", "example.org"), False),  # noqa: S104
}


@pytest.mark.parametrize(("host", "expected"), HOSTS.items())
def test_only_loopback_is_this_machine_only(host: str, expected: bool) -> None:
    assert is_this_machine_only(host) is expected


@pytest.mark.parametrize(("host", "is_only_here"), HOSTS.items())
def test_an_open_door_is_announced_loudly(
    host: str, is_only_here: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """`bentoml serve --host` says where it listens."""
    with click.Context(click.Command("serve")) as context, caplog.at_level(logging.WARNING):
        context.params["host"] = host
        warn_if_strangers_reach_it()

    said = f"it listens on {host} and asks for no key. Set TRANSFER_API_KEYS"
    assert ("ANYBODY WHO REACHES THIS MACHINE CAN USE THE SERVICE" in caplog.text) != is_only_here
    assert (said in caplog.text) != is_only_here
