"""How the network looks at pictures: greys, precision, framing; decided once, kept with the run.

A run that goes on after it was cut off takes what was decided before, on whatever machine it is.
"""

import logging
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from models.choices import Levels
from models.errors import UsageError
from training.data.pictures import Pictures
from training.data.sample import Sample
from training.features.extractor import Extractor
from training.features.graphs import kept_graph
from training.group import first_says, from_first, is_first
from training.run_folder import VIEW_FILE, write_json
from training.selection.framing import (
    FRAMINGS,
    FramingChoice,
    choose_framing,
    first_asked,
)
from training.selection.greys import GreyChoice, choose_greys
from training.selection.int8_against_fp32 import PrecisionChoice
from training.selection.precision import (
    at_precision,
    choose_precision,
)
from training.settings import WantedFraming, WantedPrecision

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Wanted:
    """What was asked for.

    Attributes:
        framing: which part of a picture is shown.
        precision: what the network computes with.
        grey_range: which greys of more than 8 bits are black and white; None: found.
    """

    framing: WantedFraming
    precision: WantedPrecision
    grey_range: Levels | None = None


@dataclass(frozen=True)
class View:
    """What was decided, and why.

    Attributes:
        image_size: of the network's input, pixels a side.
        framing: which part of a picture is shown.
        precision: what the network computes with.
        graph_digest: SHA-256 of the graph that reads the pictures.
        greys: how those of more than 8 bits are shown.
        fp32_digest: SHA-256 of the graph in fp32 from which that one was made.
        kept_as: the key of that one in the cache, where it is calibrated on a sample.
    """

    image_size: int
    framing: FramingChoice
    precision: PrecisionChoice
    graph_digest: str
    greys: GreyChoice = field(default_factory=GreyChoice)
    fp32_digest: str = ""
    kept_as: str = ""

    @property
    def has_read_sample(self) -> bool:
        """Whether the sample was read as all pictures are going to be."""
        return bool(self.framing.asked) or self.precision.has_read

    def as_json(self) -> dict[str, Any]:
        """The decision, for `view.json` and `summary.json`."""
        return TypeAdapter(View).dump_python(self, mode="json")  # type: ignore[no-any-return]


def decide_view(
    wanted: Wanted, extractor: Extractor, sample: Sample, pictures: Pictures, run_folder: Path
) -> tuple[View, Extractor]:
    """Decides greys, precision and framing, and writes down what was decided.

    Args:
        wanted: what was asked for.
        extractor: the network as it is, in fp32.
        sample: of the training part, to be asked.
        pictures: opens its files.
        run_folder: where the decision is kept, or stands already.

    Returns:
        The decision, and the network as it is going to read all pictures.
    """
    view, reader = first_says(lambda: stored_view(run_folder)), None
    fp32_digest = extractor.graph.digest.hex()
    greys = view.greys if view else _greys(wanted, sample, pictures)
    shown = extractor.framed(first_asked(wanted.framing)).with_greys(greys.grey_range, greys.held)
    asked = FRAMINGS if wanted.framing == "auto" else (wanted.framing,)
    ways = [shown.framed(framing).preprocessing for framing in asked]
    with pictures.shown_in(sample.examples, ways):
        if view is None and is_first():
            precision, reader = choose_precision(wanted.precision, shown, sample, pictures)
            framing = choose_framing(wanted.framing, reader, sample, pictures)
            view = _view(reader, framing, precision, greys, fp32_digest)
            write_json(run_folder / VIEW_FILE, view.as_json())
        view = from_first(view)
        # Whoever was told has not made that graph yet.
        reader = reader or at_precision(view.precision.precision, shown, sample, pictures)
    reader = reader.framed(view.framing.framing)
    return _view(reader, view.framing, view.precision, greys, fp32_digest), reader


def _greys(wanted: Wanted, sample: Sample, pictures: Pictures) -> GreyChoice:
    """What the first process finds."""
    return first_says(lambda: choose_greys(wanted.grey_range, sample, pictures))


def stored_view(run_folder: Path) -> View | None:
    """What was decided before a run was cut off; None where nothing was yet.

    Raises:
        UsageError: it is not as it was written.
    """
    path = run_folder / VIEW_FILE
    if not path.exists():
        return None
    try:
        return TypeAdapter(View).validate_json(path.read_bytes())
    except ValidationError as error:
        raise UsageError(f"--resume: {path} is not as it was written: {error}") from error


def view_of(run: Path, extractor: Extractor, run_folder: Path) -> tuple[View, Extractor] | None:
    """As another run over these pictures looked at them, so that what it read is known.

    Labels that were put right are no reason to ask again: what they change must not hang on how
    pictures are shown. It is only where all of it is at hand.

    Args:
        run: the folder of the other run, with whose settings this one decides.
        extractor: the network as it is, in fp32.
        run_folder: where the decision is kept; where one stands already, that is taken.

    Returns:
        The decision, and the network as it is going to read all pictures.
    """
    try:
        view = stored_view(run_folder) or stored_view(run)
    except UsageError:
        return None  # of an earlier version
    if view is None or view.fp32_digest != extractor.graph.digest.hex():
        return None
    is_int8 = view.precision.precision == "int8"
    graph = kept_graph("int8", view.kept_as) if is_int8 else extractor.graph
    if graph is None or graph.digest.hex() != view.graph_digest:
        return None
    reader = replace(extractor.framed(view.framing.framing), graph=graph)
    write_json(run_folder / VIEW_FILE, view.as_json())
    log.info("pictures are shown to the network as in %s", run)
    return view, reader.with_greys(view.greys.grey_range, view.greys.held)


def _view(
    extractor: Extractor,
    framing: FramingChoice,
    precision: PrecisionChoice,
    greys: GreyChoice,
    fp32_digest: str,
) -> View:
    size, digest = extractor.preprocessing.height, extractor.graph.digest.hex()
    return View(size, framing, precision, digest, greys, fp32_digest, extractor.graph.key)
