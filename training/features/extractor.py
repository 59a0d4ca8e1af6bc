"""One pass over the pictures: each is read, hashed, decoded and shown to the frozen network once.

Memory grows by the features alone: pictures live in a worker's hands for one batch. On a CPU each
worker decodes and runs a one-thread ONNX Runtime call on the shared session (0.96 of bare ONNX
Runtime's speed; decoding ahead in other threads reached 0.93). On a GPU the workers decode, and
torch, or ONNX Runtime in float16, runs one batch at a time.
"""

import contextlib
import logging
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from models.choices import Levels
from models.cores import granted_cores
from models.errors import ImageError
from models.greys import Spread
from models.preprocessing import Framing, Pixels, Preprocessing
from models.providers import cuda_problem, provider_of
from models.signature import feature_maps_of
from models.terminal import Advance, progress
from training.data.example import Example
from training.data.pictures import Pictures
from training.data.properties import Properties
from training.features.cache import digest_of
from training.features.graphs import Graph, graph_of
from training.features.known import KnownFeatures, was_kept_in
from training.features.table import Features, FeatureTable, LeftOut, join_tables
from training.group import first_says, gathered, share_of

if TYPE_CHECKING:
    from training.features.graphs import AnyNetwork

log = logging.getLogger(__name__)

_CPU_BATCH: Final = 8
_GPU_BATCH: Final = 64

#: Files that could not be read are named, up to so many; the rest are counted.
_NAMED: Final = 10


@dataclass(frozen=True)
class Extractor:
    """A network, its graph, and what that is shown of a picture.

    Attributes:
        network: the frozen network.
        graph: its first part, in the precision that reads.
        preprocessing: how pictures are framed and resized for it.
    """

    network: "AnyNetwork"
    graph: Graph
    preprocessing: Preprocessing

    @classmethod
    def of(cls, network: "AnyNetwork") -> "Extractor":
        """A network as it comes: in fp32, shown what it was made for."""
        return cls(network, graph_of(network), network.facts.preprocessing)

    def framed(self, framing: Framing) -> "Extractor":
        """The same network, shown another part of each picture."""
        return replace(self, preprocessing=replace(self.preprocessing, framing=framing))

    def with_greys(self, grey_range: Levels | None, held: Spread | None) -> "Extractor":
        """The same network, shown these greys of more than 8 bits from black to white."""
        shown = replace(self.preprocessing, grey_range=grey_range, greys_held=held)
        return replace(self, preprocessing=shown)

    def in_int8(self, calibration: Pixels) -> "Extractor":
        """The same network in eight bits, its ranges from some pictures, uint8 (N, H, W, 3)."""
        return replace(self, graph=self.graph.in_int8(calibration))

    def in_fp16(self) -> "Extractor":
        """The same network in half precision."""
        return replace(self, graph=self.graph.in_fp16())

    def read(
        self, examples: Sequence[Example], pictures: Pictures, what: str = "pictures"
    ) -> FeatureTable:
        """Reads every example once.

        Args:
            examples: what to read.
            pictures: opens their files.
            what: the examples are, for the log.
        """
        known = KnownFeatures(self.key())
        with progress(f"reading {what}", len(examples)) as advance:
            return self._read(examples, pictures, known, advance)

    def read_shared(self, examples: Sequence[Example], pictures: Pictures) -> FeatureTable:
        """The same by several processes: each reads a part, all of them get the whole table."""
        mine = self.read(share_of(examples), pictures)
        return join_tables(examples, gathered(mine))

    def read_all(
        self,
        examples: Sequence[Example],
        pictures: Pictures,
        first: Sequence[Example],
        run_folder: Path,
    ) -> FeatureTable:
        """The one pass: reads every example, and keeps what it found in the folder of the run.

        What cannot be read is left out, and said. Where several processes run together, each reads
        a part of the examples, and all of them get the whole table.

        Args:
            examples: what to read.
            pictures: opens their files.
            first: those that are read before all others, by every process: in batches of their
                own, as they were when they were asked about, so that they are known now.
            run_folder: where features are kept; what stands there already is not read again.
        """
        known = KnownFeatures(self.key(), run_folder)
        if was_kept_in(run_folder) and not known.goes_on:
            log.info(
                "this machine computes with another graph than before: all pictures are read again"
            )
        asked = frozenset(first)
        mine = share_of([example for example in examples if example not in asked])
        with progress("reading pictures", len(first) + len(mine)) as advance:
            begun = [self._read(first, pictures, known, advance)] if first else []
            before = known.digests
            shares = gathered(self._read(mine, pictures, known, advance))
        if count := sum(digest in before for share in shares for digest in share.digests):
            log.info("%d pictures were known from an earlier run", count)
        table = join_tables(examples, [*begun, *shares])
        seen = table.digests, table.features, table.properties
        known.add(*seen)
        first_says(lambda: known.keep_in(run_folder, *seen))
        _say_what_is_left_out(table.left_out)
        return table

    def key(self, *parts: str) -> str:
        """Of all that features depend on, beside the picture; and of other parts."""
        shown = replace(self.preprocessing, greys_held=None)  # a remark, which moves no pixel
        return digest_of(self.graph.digest, f"{self._uses_gpu}", f"{shown}", *parts)

    @property
    def _uses_gpu(self) -> bool:
        if self.graph.precision == "fp32":
            return self.network.read_on_gpu() is not None
        return self.graph.precision == "fp16" and cuda_problem() is None

    def _read(
        self,
        examples: Sequence[Example],
        pictures: Pictures,
        known: KnownFeatures,
        advance: Advance,
    ) -> FeatureTable:
        features = np.empty((len(examples), self.network.facts.num_features), dtype=np.float32)
        size, read = _GPU_BATCH if self._uses_gpu else _CPU_BATCH, self._reader()

        def work(start: int) -> list[_Found]:
            found = [self._look_at(e, pictures, known) for e in examples[start : start + size]]
            rows = [start + i for i, one in enumerate(found) if one.pixels is not None]
            if rows:
                features[rows] = read(np.stack([f.pixels for f in found if f.pixels is not None]))
            for row, one in enumerate(found, start):
                if one.features is not None:
                    features[row] = one.features
            return [replace(one, pixels=None, features=None) for one in found]

        looked_at: list[_Found] = []
        pool = ThreadPoolExecutor(granted_cores(), thread_name_prefix="features")
        try:
            for batch in pool.map(work, range(0, len(examples), size)):
                looked_at += batch
                advance(len(batch))
        finally:
            pool.shutdown(cancel_futures=True)
        table = _table(examples, features, looked_at)
        known.add(table.digests, table.features, table.properties)
        return table

    def _look_at(self, example: Example, pictures: Pictures, known: KnownFeatures) -> "_Found":
        """A picture that is to be shown to the network, or one whose features are known."""
        if (row := known.get(digest := pictures.digest(example))) is not None:
            return _Found(digest, properties=row[1], features=row[0])
        try:
            picture = pictures.open(example)
            pixels, properties = picture.seen(self.preprocessing)
            return _Found(picture.digest, properties, pixels)
        except ImageError as error:
            return _Found(reason=f"{error}")

    def _reader(self) -> Callable[[Pixels], Features]:
        """What reads pictures; opened when the first one is not known.

        What has fewer bits than torch's must itself be what reads: float16 on a GPU, int8 on the
        CPU.
        """
        if self.graph.precision == "fp32" and (read := self.network.read_on_gpu()):
            return read
        lock = threading.Lock()

        def read_by_graph(pixels: Pixels) -> Features:
            with lock:
                session = self.graph.session
            # On a GPU one batch at a time: each takes memory of the card.
            with lock if provider_of(session) == "cuda" else contextlib.nullcontext():
                return self.network.features(feature_maps_of(session, pixels))

        return read_by_graph


@dataclass(frozen=True)
class _Found:
    """What looking at a file gave: what it is like, with pixels or features; or a reason."""

    digest: str = ""
    properties: Properties | None = None
    pixels: Pixels | None = None
    features: Features | None = None
    reason: str = ""


def _table(
    examples: Sequence[Example], features: Features, found: Sequence[_Found]
) -> FeatureTable:
    left_out = tuple(
        LeftOut(example.name, one.reason)
        for example, one in zip(examples, found, strict=True)
        if one.reason
    )
    kept = [i for i, one in enumerate(found) if one.properties is not None]
    return FeatureTable(
        tuple(examples[i] for i in kept),
        features if len(kept) == len(examples) else features[kept],
        tuple(found[i].digest for i in kept),
        left_out,
        tuple(one.properties for one in found if one.properties is not None),
    )


def _say_what_is_left_out(left_out: Sequence[LeftOut]) -> None:
    for file in left_out[:_NAMED]:
        log.warning("left out: %s: %s", file.name, file.reason)
    if more := Counter(file.kind for file in left_out[_NAMED:]):
        kinds = ", ".join(f"{kind} ({count})" for kind, count in more.most_common())
        log.warning("left out, and named in summary.json: %d more: %s", more.total(), kinds)
