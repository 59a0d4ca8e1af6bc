"""Weights from where timm and torchvision keep them: a cache on this machine, or a download.

Nothing waits longer than `HUB_PATIENCE_S` for a server that does not answer, nor than
`STALL_PATIENCE_S` for one that stops in the middle.
"""

import logging
import re
import socket
import sys
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import timm
import torch
from huggingface_hub import constants as hub_constants
from huggingface_hub import hf_hub_download
from huggingface_hub.errors import EntryNotFoundError

from models.errors import first_line
from models.pretrained import cached_file, hub_files, problem_reaching, torch_cache_path

log = logging.getLogger(__name__)

#: How long a download may stand still, seconds. (The hub's own library has its own such limit.)
STALL_PATIENCE_S: Final = 30.0

#: Eight or more hexadecimal digits before the suffix: the start of the file's SHA-256.
_DIGEST_IN_NAME: Final = re.compile(r"-([0-9a-f]{8,})\.")


def source_of(name: str) -> str | None:
    """Where a model's ImageNet weights can be had, as `models.pretrained` takes it, if any."""
    config = timm.get_pretrained_cfg(name)
    if config is None or not config.has_weights:
        return None
    if config.hf_hub_id:
        return f"{config.hf_hub_id}{f'#{config.hf_hub_filename}' if config.hf_hub_filename else ''}"
    return config.url if isinstance(config.url, str) else str(config.url and config.url[0])


def problem_fetching(name: str, source: str) -> str | None:
    """Downloads weights that are not on this machine; says why they cannot be had, if so."""
    if cached := cached_file(source):
        log.info("weights: %s from the cache (%s)", name, cached)
        return None
    by_url = "://" in source
    place = "{0.scheme}://{0.netloc}".format(urlsplit(source)) if by_url else hub_constants.ENDPOINT
    if problem := problem_reaching(place):
        return f"the ImageNet weights of {name} are not on this machine, and {problem}"
    log.info("weights: downloading %s from %s, once", name, place)
    try:
        download(source) if by_url else _download_from_hub(source)
    # Proxies, full disks, servers that break off: many libraries' errors, one sentence.
    except Exception as error:  # noqa: BLE001
        return f"downloading the weights of {name} failed: {first_line(error)}"
    return None


def download(url: str) -> Path:
    """Fetches a file of weights into torch's cache, whole and with the digest in its name.

    Raises:
        OSError: the server or the disk fails; or it stands still for `STALL_PATIENCE_S`.
        RuntimeError: the file's digest is another.
    """
    file = torch_cache_path(url)
    file.parent.mkdir(parents=True, exist_ok=True)
    digest = _DIGEST_IN_NAME.search(file.name)
    # `urllib`, which torch downloads with, waits for ever unless told otherwise.
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(STALL_PATIENCE_S)
    try:
        torch.hub.download_url_to_file(
            url, str(file), digest and digest.group(1), progress=sys.stderr.isatty()
        )
    finally:
        socket.setdefaulttimeout(before)
    return file


def _download_from_hub(source: str) -> None:
    """Fetches the first of a repository's usual files that it has into the hub's cache."""
    repository, revision, names = hub_files(source)
    for name in names[:-1]:
        try:
            hf_hub_download(repository, name, revision=revision)
        except EntryNotFoundError:
            continue
        return
    hf_hub_download(repository, names[-1], revision=revision)
