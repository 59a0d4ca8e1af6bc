"""From pictures to what is exported: they are read once, divided, learned from, and asked about."""

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from models.choices import AtLeast
from models.errors import DataFolderError
from models.file_names import printable
from models.terminal import working
from training.data.example import ImageFolder
from training.data.parts import Parts, Rows, make_parts
from training.data.pictures import Pictures
from training.data.sample import draw_sample
from training.earlier_run import find_earlier_run, other_settings
from training.features.extractor import Extractor
from training.features.table import FeatureTable
from training.finetuning.plan import FineTuningOptions
from training.group import first_says, size
from training.head.calibration import Calibrated
from training.head.operating_point import ChosenPoint, check_at_least
from training.inspection.twins import Twin, find_twins
from training.recipes.calibrated import calibrate_outcome, choose_operating_point
from training.recipes.material import Material
from training.recipes.outcome import Outcome
from training.recipes.probe import Probe, probe
from training.run.ahead import Ahead, asked_ahead
from training.run_folder import (
    DATA_FILE,
    folds_of_earlier_runs,
    own_folds,
    read_json,
    write_folds,
    write_json,
)
from training.selection.select import View, Wanted, decide_view, view_of
from training.settings import TrainingSettings

if TYPE_CHECKING:
    from training.features.graphs import AnyNetwork

log = logging.getLogger(__name__)

#: Settings on which it depends how pictures are shown.
_OF_THE_VIEW: Final = frozenset(
    ("backbone", "weights", "image_size", "framing", "grey_range", "precision")
)


@dataclass(frozen=True)
class Trained:
    """All that there is to tell of a run before it is exported.

    Attributes:
        folder: of the pictures.
        view: how they were shown.
        material: what the pass found.
        probe: the head on frozen features.
        outcome: what is exported.
        calibrated: how far its answers are to be believed.
        operating_point: where one was asked for.
        fine_tuning: how that went; empty where there was none.
        twins: pairs of pictures that show the same.
        data_digest: of the pictures and their classes.
        earlier: the folder of the run whose labels are put right, if there is one.
        ahead: what the export asks whatever was learned, where it is not fine-tuned.
    """

    folder: ImageFolder
    view: View
    material: Material
    probe: Probe
    outcome: Outcome
    calibrated: Calibrated
    operating_point: ChosenPoint | None
    fine_tuning: dict[str, Any]
    twins: tuple[Twin, ...]
    data_digest: str
    earlier: Path | None
    ahead: Ahead | None


def learn(
    settings: TrainingSettings,
    folder: ImageFolder,
    network: "AnyNetwork",
    pictures: Pictures,
    run_folder: Path,
) -> Trained:
    """Reads all pictures once, learns by the recipe that was asked for, and asks what came of it.

    Raises:
        TransferError: too few pictures, or others than a run began with that goes on.
    """
    sample = draw_sample(folder, pictures)
    whole = Extractor.of(network)
    wanted = Wanted(settings.framing, settings.precision, settings.greys)
    earlier = _earlier_run(settings)
    same = earlier and _is_shown_alike(earlier, settings) and view_of(earlier, whole, run_folder)
    view, extractor = same or decide_view(wanted, whole, sample, pictures, run_folder)
    first = sample.examples if view.has_read_sample else ()
    table = extractor.read_all(folder.examples, pictures, first, run_folder)
    digest = _check_that_pictures_are_the_same(run_folder, folder, table)
    with working("looking for pictures that are there twice"):
        twins = find_twins(table)
    parts = _parts(folder, table, twins, run_folder, settings.groups)
    material = Material(table, parts, folder.classes, sample, pictures, settings.seed)
    from_scratch = network.facts.learns_from_scratch and not settings.inspect
    learns_itself = settings.finetune or from_scratch
    if asked := settings.operating_point:
        _check_at_least(asked, material, parts.validation if learns_itself else parts.train)
    with asked_ahead(extractor, material, unless=learns_itself or settings.inspect) as ahead:
        fitted = probe(extractor, view.precision, material)
        outcome = fitted.outcome
        told: dict[str, Any] = {}
        if learns_itself:
            outcome, told = _fine_tuned(settings, material, outcome, run_folder)
        outcome, calibrated = calibrate_outcome(outcome, fitted.alike, material, settings.coverage)
        how = outcome, fitted.alike, material, calibrated
        point = choose_operating_point(asked, *how) if asked else None
    found = outcome, calibrated, point, told, twins, digest, earlier, ahead
    return Trained(folder, view, material, fitted, *found)


def _earlier_run(settings: TrainingSettings) -> Path | None:
    runs = settings.out / printable(settings.run_name)
    return find_earlier_run(settings.labels, settings.data, runs)


def _check_at_least(asked: AtLeast, material: Material, rows: Rows) -> None:
    """Refuses what these rows, that will choose it, cannot show, before anything is learned."""
    check_at_least(
        asked, material.classes, material.table.labels[rows], material.parts.groups[rows]
    )


def _parts(
    folder: ImageFolder,
    table: FeatureTable,
    twins: Sequence[Twin],
    run_folder: Path,
    groups: str | None,
) -> Parts:
    """What is learned from, decides and judges; pictures keep the fold that they once had.

    Raises:
        DataFolderError: as `make_parts`; or a run that goes on would go on with other folds.
    """
    own = first_says(lambda: own_folds(run_folder))
    known = own or first_says(lambda: folds_of_earlier_runs(run_folder, groups))
    pairs = [(twin.first, twin.second) for twin in twins]
    parts = make_parts(folder, table.examples, table.digests, pairs, known)
    learned = [table.digests[row] for row in parts.train.tolist()]
    folds = dict(zip(learned, parts.folds.tolist(), strict=True))
    if own and not folds.items() <= own.items():
        raise DataFolderError("--resume: what --groups says has changed; begin a new run")
    # With what is not there now: it may come back.
    first_says(lambda: write_folds(run_folder, {**known, **folds}))
    return parts


def _is_shown_alike(earlier: Path, settings: TrainingSettings) -> bool:
    """Whether a run was told to show pictures as this one is."""
    # Several processes may have several caches, and must not decide each for itself.
    others = other_settings(earlier, settings.as_json())
    return size() == 1 and _OF_THE_VIEW.isdisjoint(others)


def _fine_tuned(
    settings: TrainingSettings, material: Material, outcome: Outcome, run_folder: Path
) -> tuple[Outcome, dict[str, Any]]:
    """The better of probe and fine-tuned network, and what there is to tell of the latter."""
    with working("loading Lightning"):
        # Late, because it takes a second that the frozen recipe need not wait for.
        from training.recipes.finetune import finetune  # noqa: PLC0415

    options = FineTuningOptions(
        settings.epochs, settings.learning_rate, settings.batch_size, settings.augmentation
    )
    best, report = finetune(outcome, material, options, run_folder)
    return best, report.as_json()


def _check_that_pictures_are_the_same(
    run_folder: Path, folder: ImageFolder, table: FeatureTable
) -> str:
    """Refuses to go on with other pictures than a run began with; writes down which those are.

    Returns:
        The digest of pictures and classes.

    Raises:
        DataFolderError: they have changed.
    """
    path, digest = run_folder / DATA_FILE, _data_digest(folder, table)
    begun_with = first_says(lambda: read_json(path) if path.exists() else None)
    if begun_with is None:
        first_says(lambda: write_json(path, {"data_digest": digest}))
    elif begun_with["data_digest"] != digest:
        raise DataFolderError(
            f"--resume: the pictures in {folder.place}, or their labels, have changed since this "
            "run began; begin a new one"
        )
    else:
        log.info("the pictures have been read before and are the same")
    return digest


def _data_digest(folder: ImageFolder, table: FeatureTable) -> str:
    """Of all pictures used; and of their classes, where tables tell those."""
    if not folder.labels_digest:
        return table.data_digest
    return hashlib.sha256(f"{table.data_digest} {folder.labels_digest}".encode()).hexdigest()
