"""Whether strangers can reach the service, and none of them needs a key: then one loud line."""

import ipaddress
import logging

import click
from bentoml._internal.configuration.containers import BentoMLContainer

from service.settings import PREFIX

log = logging.getLogger(__name__)


def warn_if_strangers_reach_it() -> None:
    """Says so where the service, which has no key, listens beyond this machine."""
    host = _listening_host()
    if not is_this_machine_only(host):
        log.warning(
            "ANYBODY WHO REACHES THIS MACHINE CAN USE THE SERVICE: it listens on %s and asks for "
            "no key. Set %sAPI_KEYS or %sAPI_KEYS_FILE, or serve with --host 127.0.0.1",
            host,
            PREFIX,
            PREFIX,
        )


def _listening_host() -> str:
    """The address that `bentoml serve` was told, by option or environment, else BentoML's own."""
    context = click.get_current_context(silent=True)
    told = context.params.get("host") if context else None
    return str(told or BentoMLContainer.http.host.get())


def is_this_machine_only(host: str) -> bool:
    """Whether an address can be reached from this machine alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
