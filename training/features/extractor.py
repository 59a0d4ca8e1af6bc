"""One pass over the pictures: each is read, hashed, decoded and shown to the frozen backbone once.

Memory grows by the features alone: pictures live in a worker's hands for one batch. On a CPU each
worker decodes and runs a one-thread ONNX Runtime call on the shared session (0.96 of bare ONNX
Runtime's speed; decoding ahead in other threads reached 0.93). On a GPU the workers decode, and
torch, or ONNX Runtime in float16, runs one batch at a time.
"""

import contextlib
import copy
import hashlib
import logging
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime as ort
import torch
from torch import nn

from models.backbones.backbone import Backbone
from models.cores import granted_cores
from models.errors import ImageError
from models.graph.classifier import Normalise
from models.graph.fewer_bits import precision_of
from models.preprocessing import Pixels, Preprocessing, read_pixels
from models.providers import Provider, open_graph, provider_of
from models.signature import feature_maps_of
from training.data.folder import Example
from training.features.cache import FeatureCache, digest_of
from training.group import gathered, share_of
from training.terminal import progress

log = logging.getLogger(__name__)

Features = npt.NDArray[np.float32]

#: uint8 (N, H, W, 3) → float32 (N, C)
Extractor = Callable[[Pixels], Features]

_CPU_BATCH: Final = 8
_GPU_BATCH: Final = 64

#: Files that could not be read are named, up to so many; the rest are counted.
_NAMED: Final = 10


@dataclass(frozen=True)
class LeftOut:
    """A file that could not be read, and why."""

    name: str
    reason: str

    @property
    def kind(self) -> str:
        """The reason without what is particular to this file."""
        return self.reason.partition(":")[0]


@dataclass(frozen=True)
class FeatureTable:
    """What one pass found.

    Attributes:
        examples: those that could be read, in their order.
        features: float32 (N, C), a row for each.
        digests: SHA-256 of each one's bytes.
        left_out: those that could not.
    """

    examples: tuple[Example, ...]
    features: Features
    digests: tuple[str, ...]
    left_out: tuple[LeftOut, ...]

    @property
    def data_digest(self) -> str:
        """SHA-256 over names and contents of all pictures used: changes with any of them."""
        lines = sorted(
            f"{digest} {example.name}\n"
            for example, digest in zip(self.examples, self.digests, strict=True)
        )
        return hashlib.sha256("".join(lines).encode()).hexdigest()


@dataclass(frozen=True)
class _Read:
    digest: str
    pixels: Pixels | None
    reason: str


def read_features(
    examples: Sequence[Example],
    backbone: Backbone,
    backbone_graph: onnx.ModelProto,
    preprocessing: Preprocessing,
    known: FeatureTable | None = None,
) -> FeatureTable:
    """Reads every example once. What cannot be read is named in the log and left out.

    Several processes read a share each, and all of them get the whole table.

    Args:
        examples: what to read.
        backbone: what reads it.
        backbone_graph: the same, exported; it is what reads on a CPU.
        preprocessing: how pictures are framed and resized; of the backbone's size.
        known: of some of the examples, what was found by the same backbone before.
    """
    before = frozenset(known.examples if known else ())
    rest = [example for example in examples if example not in before]
    reader = FeatureReader(backbone, backbone_graph)
    shares = gathered(reader.read(share_of(rest), preprocessing))
    left_out = sorted((f for share in shares for f in share.left_out), key=lambda f: f.name)
    for file in left_out[:_NAMED]:
        log.warning("left out: %s: %s", file.name, file.reason)
    if more := Counter(file.kind for file in left_out[_NAMED:]):
        kinds = ", ".join(f"{kind} ({count})" for kind, count in more.most_common())
        log.warning("left out, and named in summary.json: %d more: %s", more.total(), kinds)
    return _joined(examples, [*([known] if known else []), *shares], left_out)


class FeatureReader:
    """A backbone made ready to read pictures, with any framing of its size."""

    def __init__(self, backbone: Backbone, backbone_graph: onnx.ModelProto) -> None:
        """Makes a session, or moves a copy to the GPU.

        Args:
            backbone: what reads.
            backbone_graph: the same, exported; it is what reads on a CPU.
        """
        self._extract, use_gpu = _extractor(backbone, backbone_graph)
        self._batch = _GPU_BATCH if use_gpu else _CPU_BATCH
        self._width = backbone.num_features
        self._key = (hashlib.sha256(backbone_graph.SerializeToString()).digest(), f"{use_gpu}")

    def read(
        self, examples: Sequence[Example], preprocessing: Preprocessing, what: str = "pictures"
    ) -> FeatureTable:
        """Reads every example once.

        Args:
            examples: what to read.
            preprocessing: how to frame it; of the backbone's size.
            what: the examples are, for the log.
        """
        features = np.empty((len(examples), self._width), dtype=np.float32)
        reads: list[_Read] = []
        cache = FeatureCache(digest_of(*self._key, f"{preprocessing}"))

        def work(start: int) -> list[_Read]:
            batch = examples[start : start + self._batch]
            found = [_read(example.path, preprocessing, cache) for example in batch]
            rows = [start + i for i, read in enumerate(found) if read.pixels is not None]
            if rows:
                pixels = np.stack([r.pixels for r in found if r.pixels is not None])
                features[rows] = self._extract(pixels)
            for row, read in enumerate(found, start):
                if (known := cache.get(read.digest)) is not None:
                    features[row] = known
            return [_Read(read.digest, None, read.reason) for read in found]

        with progress(f"reading {what}", len(examples)) as advance:
            pool = ThreadPoolExecutor(granted_cores(), thread_name_prefix="features")
            try:
                for found in pool.map(work, range(0, len(examples), self._batch)):
                    reads += found
                    advance(len(found))
            finally:
                pool.shutdown(cancel_futures=True)
        table = _table(examples, features, reads)
        if known := sum(cache.get(digest) is not None for digest in table.digests):
            log.info("%s: %d were known from an earlier run", what, known)
        cache.add(table.digests, table.features)
        return table


def _joined(
    examples: Sequence[Example], tables: Sequence[FeatureTable], left_out: Sequence[LeftOut]
) -> FeatureTable:
    """Tables of different examples as one, in the order of all examples."""
    if len(tables) == 1:
        return tables[0]
    digests = {e: d for t in tables for e, d in zip(t.examples, t.digests, strict=True)}
    found = tuple(example for example in examples if example in digests)
    rows = {example: row for row, example in enumerate(found)}
    features = np.empty((len(found), tables[0].features.shape[1]), dtype=np.float32)
    for table in tables:
        features[[rows[example] for example in table.examples]] = table.features
    return FeatureTable(found, features, tuple(digests[e] for e in found), tuple(left_out))


def _table(examples: Sequence[Example], features: Features, reads: Sequence[_Read]) -> FeatureTable:
    left_out = tuple(
        LeftOut(example.name, read.reason)
        for example, read in zip(examples, reads, strict=True)
        if read.reason
    )
    kept = [i for i, read in enumerate(reads) if not read.reason]
    return FeatureTable(
        tuple(examples[i] for i in kept),
        features if len(kept) == len(examples) else features[kept],
        tuple(reads[i].digest for i in kept),
        left_out,
    )


def _read(path: Path, preprocessing: Preprocessing, cache: FeatureCache) -> _Read:
    """A picture that is to be shown to the network, or one whose features are known."""
    try:
        data = path.read_bytes()
    except OSError as error:
        return _Read("", None, f"the file cannot be opened: {error.strerror}")
    digest = hashlib.sha256(data).hexdigest()
    if cache.get(digest) is not None:
        return _Read(digest, None, "")
    try:
        return _Read(digest, read_pixels(data, preprocessing), "")
    except ImageError as error:
        return _Read("", None, str(error))


def _extractor(backbone: Backbone, graph: onnx.ModelProto) -> tuple[Extractor, bool]:
    """What reads pictures, and whether it does so on a GPU.

    What has fewer bits than torch's must itself be what reads: float16 on a GPU, int8 on the CPU.
    """
    precision = precision_of(graph)
    if precision == "fp32" and torch.cuda.is_available():
        return _torch_extractor(backbone), True
    provider: Provider = "auto" if precision == "fp16" else "cpu"
    session = open_graph(graph.SerializeToString(), provider, threads=1)
    return _onnx_extractor(backbone, session), provider_of(session) == "cuda"


def _onnx_extractor(backbone: Backbone, session: ort.InferenceSession) -> Extractor:
    # On a GPU one batch at a time: each takes memory of the card.
    turn = threading.Lock() if provider_of(session) == "cuda" else contextlib.nullcontext()

    def extract(pixels: Pixels) -> Features:
        with turn:
            activations = feature_maps_of(session, pixels)
        with torch.inference_mode():
            return backbone.features(torch.from_numpy(activations)).numpy()

    return extract


def _torch_extractor(backbone: Backbone) -> Extractor:
    # A copy: what is exported stays on the CPU and in its own memory layout.
    module: nn.Module = copy.deepcopy(nn.Sequential(Normalise(backbone), backbone)).eval()
    # Asked here: the threads that read know nothing of the device that this process was given.
    device = torch.device("cuda", torch.cuda.current_device())
    module = module.to(device)
    module = module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    one_at_a_time = threading.Lock()

    def extract(pixels: Pixels) -> Features:
        with one_at_a_time, torch.inference_mode():
            found: torch.Tensor = module(torch.from_numpy(pixels).to(device))
            return found.cpu().numpy()

    return extract
