"""What the comparisons of servers share: many clients, their figures, and on what it all ran."""

import platform
import statistics
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import numpy as np
from _serving import Answer, connect, exchange

from models.bundle import BundleMetadata
from models.cores import granted_cores

#: Requests before anything is counted, for connections, caches, and BentoML's dispatcher, which
#: learns from the first twenty.
FEWEST_BEFORE = 32

Ask = Callable[[int], Answer]


@dataclass(frozen=True)
class Figures:
    """One measurement, or the medians of several.

    Attributes:
        rate: pictures a second.
        half: the median time of an answer, ms.
        most: its 99th percentile, ms.
        failed: answers with another status than 200.
        client: CPU time of this process for each picture, ms.
    """

    rate: float
    half: float
    most: float
    failed: float
    client: float


def asking(url: str, bodies: Sequence[bytes], path: str = "/classify") -> Ask:
    """Asks a server; each thread on a connection that it keeps."""
    mine = threading.local()

    def ask(number: int) -> Answer:
        if not hasattr(mine, "connection"):
            mine.connection = connect(url)
        return exchange(mine.connection, path, bodies[number % len(bodies)])

    return ask


def measure(ask: Ask, clients: int, requests: int) -> Figures:
    """All clients at once; each asks again as soon as it is answered."""
    with ThreadPoolExecutor(clients) as threads:
        list(threads.map(ask, range(max(2 * clients, FEWEST_BEFORE))))
        start, spent = time.perf_counter(), time.process_time()
        answers = list(threads.map(ask, range(requests)))
        seconds, spent = time.perf_counter() - start, time.process_time() - spent
    half, most = np.percentile([1000 * answer.seconds for answer in answers], [50, 99])
    good = sum(answer.status == 200 for answer in answers)
    return Figures(
        good / seconds, float(half), float(most), requests - good, 1000 * spent / requests
    )


def median(rounds: Sequence[Figures]) -> Figures:
    """The median of each figure; of failures the sum."""
    return Figures(
        rate=statistics.median(one.rate for one in rounds),
        half=statistics.median(one.half for one in rounds),
        most=statistics.median(one.most for one in rounds),
        failed=sum(one.failed for one in rounds),
        client=statistics.median(one.client for one in rounds),
    )


def described(metadata: BundleMetadata, pictures: Path | None) -> str:
    """The network, its precision, and what it is shown."""
    weights = ", random weights" if metadata.weights.startswith("none") else ""
    shown = f"pictures of {pictures.name}" if pictures else "drawn noise"
    return f"{metadata.backbone}{weights}, {metadata.precision}, {shown}"


def machine(*packages: str) -> str:
    """Processor, cores, and versions of what took part."""
    found = [f"{name} {version}" for name in packages if (version := version_of(name))]
    python = f"Python {platform.python_version()}"
    return f"{_processor()}, {granted_cores()} cores granted; {', '.join([python, *found])}"


def version_of(package: str) -> str | None:
    """The version that is installed; None: it is not."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _processor() -> str:
    if sys.platform == "linux":
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
