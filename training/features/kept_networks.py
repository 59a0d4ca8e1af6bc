"""Networks that this machine knows: what a run needs of one, kept, so that torch is not needed.

Kept are its graphs, what there is to know beside them, and that both answered as torch does, on
real pictures. It is found again by the name, the content of the weights, the size of the pictures,
our code, the versions of the libraries (`training.features.cache`) and the kind of processor; what
of this is not known here is not known at all, and torch is asked.
"""

import functools
import platform
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import TypeAdapter

from models.files import file_digest
from models.graph.differences import Agreement
from models.graph.facts import Facts
from models.graph.known_network import KnownNetwork
from models.pretrained import WHEELS, cached_file
from models.providers import driver_problem
from models.which_weights import File, Hub, Packaged, Weights
from training.features.cache import cache_folder, digest_of, read_entry, remember
from training.features.graphs import graph_key, head_graph_key, kept_graph

_KIND = "network"


@dataclass(frozen=True)
class _Kept:
    facts: Facts
    agreement: Agreement


def known_network(name: str, weights: Weights, image_size: int | None) -> KnownNetwork | None:
    """A network as an earlier run made it; None where torch must be asked.

    Args:
        name: as `--backbone` takes it.
        weights: where its parameters come from.
        image_size: H and W of its input, pixels; None: its own.
    """
    if driver_problem() is None:
        return None  # on a GPU torch reads
    if (key := _key(name, weights, image_size)) is None:
        return None
    data = read_entry(cache_folder(), _KIND, key, lambda file: file.read())
    if data is None:
        return None
    kept = TypeAdapter(_Kept).validate_json(data)
    graph = kept_graph("backbone", graph_key(kept.facts.key))
    head = kept_graph("head", head_graph_key(kept.facts.key))
    if graph is None or head is None:
        return None
    # A file may have been moved or renamed since: it is found by what is in it.
    facts = replace(kept.facts, weights=weights.word, origin=weights.origin)
    return KnownNetwork(facts, (graph.model, head.model), kept.agreement)


def keep_network(
    facts: Facts, weights: Weights, image_size: int | None, agreement: Agreement
) -> bool:
    """Keeps what was made of a network by torch, whose graphs are kept already.

    Args:
        facts: of the network.
        weights: where its parameters came from.
        image_size: that was asked for.
        agreement: of both graphs with torch.

    Returns:
        Whether it can be found again.
    """
    if isinstance(weights, Hub):
        remember(
            "source", _source_key(facts.name), lambda file: file.write(facts.base_model.encode())
        )
    if (key := _key(facts.name, weights, image_size)) is None:
        return False
    data = TypeAdapter(_Kept).dump_json(_Kept(facts, agreement))
    return remember(_KIND, key, lambda file: file.write(data))


def _key(name: str, weights: Weights, image_size: int | None) -> str | None:
    """None where the content of the weights cannot be known without asking torch or a server."""
    digest = _digest(name, weights)
    kind = type(weights).__name__
    return digest_of(name, digest, f"{kind} {image_size}", _processor()) if digest else None


def _digest(name: str, weights: Weights) -> str:
    """SHA-256 of a file of weights; empty where there is none here."""
    match weights:
        case Packaged():
            wheel = WHEELS.get(name)
            path = wheel and wheel.locate()
            return wheel.sha256 if wheel and path and file_digest(path) == wheel.sha256 else ""
        case Hub():
            source = read_entry(cache_folder(), "source", _source_key(name), lambda f: f.read())
            path = cached_file(source.decode()) if source else None
            return file_digest(path) if path else ""
        case File(path):
            return file_digest(path)
        case _:
            return ""  # numbers drawn by chance are drawn anew


def _source_key(name: str) -> str:
    return digest_of(name)


@functools.cache
def _processor() -> str:
    """What kind it is: its model and what it can do, where the system says so."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    told = {line for line in lines if line.startswith(("model name", "flags", "Features"))}
    return f"{platform.machine()} {platform.processor()} {sorted(told)}"
