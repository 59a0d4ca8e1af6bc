"""The story of a run, from a folder of pictures to a bundle in the store, top to bottom."""

import hashlib
import logging
import shlex
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from models.bundle import Description, TrainingSummary, parse_bundle, write_bundle
from models.errors import DataFolderError, TransferError, UsageError
from models.graph.self_check import draw_self_check_pictures
from models.preprocessing import Pixels, Preprocessing, read_pixels
from models.session import Session
from models.store import StoredBundle
from training.data.example import ImageFolder
from training.data.folder import scan_folders
from training.data.named_groups import with_groups
from training.data.names import printable
from training.data.parts import Parts, check_counts, make_parts
from training.data.pictures import Pictures, readable_pixels
from training.data.sample import draw_sample
from training.earlier_run import find_earlier_run, other_settings
from training.features.extractor import Extractor
from training.features.graphs import graph_of, head_graph_of
from training.features.table import FeatureTable, LeftOut
from training.filing import (
    Filing,
    check_writable,
    say_what_is_better,
    say_where,
    warn_of_other_classes,
)
from training.finetuning.plan import FineTuningOptions
from training.group import check_batch_size, first_says, is_first, size, started_group
from training.head.calibration import Calibrated
from training.inspection.evidence import Evidence
from training.inspection.inspect import inspect
from training.inspection.inspection import Inspection
from training.inspection.twins import Twin, find_twins
from training.recipes.calibrated import calibrate_outcome
from training.recipes.material import Material
from training.recipes.outcome import Outcome
from training.recipes.probe import Probe, probe
from training.report.card import write_card
from training.report.difference import compare_with_run
from training.report.page import Told, write_report
from training.report.record import Difference, Learned, Record
from training.report.tables import write_labels, write_predictions
from training.report.tensorboard import how_to_open, log_to_tensorboard
from training.report.terminal import (
    append_evaluation,
    log_findings,
    print_evaluation,
    print_place,
)
from training.run_folder import (
    BACKBONE_FILE,
    BUNDLE_FILE,
    CARD_FILE,
    DATA_FILE,
    INSPECTION_FILE,
    LABELS_FILE,
    LOG_FILE,
    PREDICTIONS_FILE,
    REPORT_FILE,
    SETTINGS_FILE,
    SUMMARY_FILE,
    folds_of_earlier_runs,
    logged_to,
    make_run_folder,
    own_folds,
    read_json,
    write_folds,
    write_json,
)
from training.selection.backbone import AUTO, Candidate, choose_backbone
from training.selection.select import View, Wanted, decide_view, view_of
from training.settings import TrainingSettings
from training.terminal import be_quiet, working

if TYPE_CHECKING:
    from models.graph.network import Network

log = logging.getLogger(__name__)

#: What there is to say of folders; of more, the first of them stand for all.
_MOST_REMARKS: Final = 10

#: Settings on which it depends how pictures are shown.
_OF_THE_VIEW: Final = frozenset(
    ("backbone", "weights", "image_size", "framing", "grey_range", "precision")
)

#: Real pictures that torch and the exported file are compared on.
_COMPARED: Final = 8


def run(settings: TrainingSettings, resumed: Path | None = None) -> dict[str, Any]:
    """Trains, judges, exports and stores; prints the result.

    Where several processes train together, all of them come here; the first one decides, writes
    and exports.

    Args:
        settings: what to do.
        resumed: the folder of a run that was cut off; it goes on there.

    Returns:
        The content of `summary.json`.

    Raises:
        TransferError: with a sentence for the user, and `exit_code`.
    """
    group = started_group()
    if group.rank:
        be_quiet()
    # Before pictures are read: what they taught must not be lost for want of a place.
    check_writable()
    with working("looking for pictures"):
        folder = scan_folders(settings.data, [settings.out], settings.labels)
    folder = with_groups(folder, settings.groups)
    check_counts(folder, folder.examples)
    _log_folder(folder)
    with working("loading torch and timm"):
        # Late, because torch takes seconds, and nothing above this line and beside it needs it.
        from models.backbones.catalogue import check_backbone  # noqa: PLC0415
        from training.process_group import joined  # noqa: PLC0415

    with joined(group):
        check_batch_size(settings.batch_size)
        if settings.backbone not in (None, AUTO):
            check_backbone(settings.backbone)
        first_says(lambda: say_where(_filing(settings), folder.classes))
        return _run(settings, folder, resumed)


def _filing(settings: TrainingSettings) -> Filing:
    return Filing(settings.data[0], settings.name)


def _run(settings: TrainingSettings, folder: ImageFolder, resumed: Path | None) -> dict[str, Any]:
    """The same, once it is known that there is something to learn from."""
    begun, pictures = time.monotonic(), Pictures(folder.read)
    settings, choice = _decided(settings, folder, pictures)
    settings, network = _network(settings)
    make = partial(make_run_folder, settings.out, printable(settings.run_name))
    run_folder = resumed or first_says(make)
    with logged_to(run_folder), _way_on(run_folder):
        first_says(lambda: write_json(run_folder / SETTINGS_FILE, settings.as_json()))
        if choice:
            first_says(lambda: write_json(run_folder / BACKBONE_FILE, choice))
        trained = _trained(settings, folder, network, pictures, run_folder)
        record = first_says(lambda: _exported(settings, run_folder, trained, begun))
        log_findings(record.inspection)
        if record.difference:
            log.info("%s", record.difference.sentence)
        if is_first():
            append_evaluation(run_folder / LOG_FILE, record.judged.evaluation)
        log.info("run folder: %s", run_folder)
        log.info("bundle: %s, in the model store as %s", record.bundle, record.model)
        log.info("to compare runs: %s", how_to_open(settings.out))
    # Last: whoever pipes this into `head` closes the pipe, and must not lose the run by it.
    if is_first():
        with suppress(OSError):
            print_evaluation(record.judged.evaluation)
            print_place(run_folder / REPORT_FILE)
    return record.as_json()


@contextmanager
def _way_on(run_folder: Path) -> Iterator[None]:
    """Says how to go on with what was done, where a run ends before its end."""
    try:
        yield
    except (TransferError, KeyboardInterrupt):
        if (run_folder / DATA_FILE).exists():
            log.warning(
                "what was done is kept: train-transfer --resume %s goes on",
                shlex.quote(str(run_folder)),
            )
        raise


def _decided(
    settings: TrainingSettings, folder: ImageFolder, pictures: Pictures
) -> tuple[TrainingSettings, dict[str, Any]]:
    """With `--backbone auto` the network that suits a sample, and why; else what was asked for."""
    if settings.backbone != AUTO:
        return settings, {}
    if not settings.finetune:
        _check_that_options_have_an_effect(settings)
    found = first_says(lambda: _choice(settings, folder, pictures))
    return replace(settings, backbone=found["backbone"], weights=found["weights"]), found


def _choice(settings: TrainingSettings, folder: ImageFolder, pictures: Pictures) -> dict[str, Any]:
    # Late, as in `run`.
    from models.backbones.at_hand import at_hand  # noqa: PLC0415
    from models.backbones.backbone import load_backbone  # noqa: PLC0415
    from models.backbones.weights import Weights, parse_weights  # noqa: PLC0415
    from models.graph.network import Network  # noqa: PLC0415

    def load(name: str, weights: Weights) -> Extractor:
        with working(f"loading {name}"):
            network = Network(load_backbone(name, weights, settings.image_size))
        return _extractor(network)

    with working("looking for weights"):
        found = at_hand(parse_weights(settings.weights))
    candidates = [Candidate(name, kind.word, partial(load, name, kind)) for name, kind in found]
    return choose_backbone(candidates, settings.framing, settings.greys, folder, pictures).as_json()


def _extractor(network: "Network") -> Extractor:
    return Extractor(network, graph_of(network), network.backbone.preprocessing)


def _network(settings: TrainingSettings) -> tuple[TrainingSettings, "Network"]:
    """The network that was asked for, and the settings with its name and weights in them."""
    with working("loading the network"):
        return _loaded(settings)


def _loaded(settings: TrainingSettings) -> tuple[TrainingSettings, "Network"]:
    # Late, as in `run`.
    import torch  # noqa: PLC0415

    from models.backbones.backbone import load_backbone  # noqa: PLC0415
    from models.backbones.course_networks import FROM_SCRATCH  # noqa: PLC0415
    from models.backbones.licences import check_licence  # noqa: PLC0415
    from models.backbones.weights import decide_weights, parse_weights  # noqa: PLC0415
    from models.graph.network import Network  # noqa: PLC0415

    name, weights = first_says(
        lambda: decide_weights(settings.backbone, parse_weights(settings.weights))
    )
    if not settings.finetune and name not in FROM_SCRATCH:
        _check_that_options_have_an_effect(settings)
    first_says(lambda: check_licence(name, weights, settings.accept_licence))
    torch.manual_seed(settings.seed)
    network = Network(load_backbone(name, weights, settings.image_size))
    return replace(settings, backbone=name, weights=weights.word), network


def _check_that_options_have_an_effect(settings: TrainingSettings) -> None:
    """Refuses what only fine-tuning would heed, where there is none.

    Raises:
        UsageError: names the option.
    """
    given = {
        "--epochs": settings.epochs,
        "--learning-rate": settings.learning_rate,
        "--batch-size": settings.batch_size,
    }
    named = [option for option, value in given.items() if value is not None]
    if named:
        raise UsageError(f"{' and '.join(named)}: no effect without --finetune")


@dataclass(frozen=True)
class _Trained:
    """All that there is to tell of a run before it is exported."""

    folder: ImageFolder
    view: View
    material: Material
    probe: Probe
    outcome: Outcome
    calibrated: Calibrated
    fine_tuning: dict[str, Any]
    twins: tuple[Twin, ...]


def _trained(
    settings: TrainingSettings,
    folder: ImageFolder,
    network: "Network",
    pictures: Pictures,
    run_folder: Path,
) -> _Trained:
    sample, whole = draw_sample(folder, pictures), _extractor(network)
    wanted = Wanted(settings.framing, settings.precision, settings.greys)
    view, extractor = _view_of_earlier(settings, whole, run_folder) or decide_view(
        wanted, whole, sample, pictures, run_folder
    )
    first = sample.examples if view.has_read_sample else ()
    table = extractor.read_all(folder.examples, pictures, first, run_folder)
    _check_that_pictures_are_the_same(run_folder, folder, table)
    with working("looking for pictures that are there twice"):
        twins = find_twins(table)
    parts = _parts(folder, table, twins, run_folder)
    material = Material(table, parts, folder.classes, sample, pictures, settings.seed)
    fitted = probe(extractor, view.precision, material)
    outcome = fitted.outcome
    told: dict[str, Any] = {}
    if settings.finetune or network.learns_from_scratch:
        outcome, told = _fine_tuned(settings, material, outcome, run_folder)
    outcome, calibrated = calibrate_outcome(outcome, material, settings.coverage)
    return _Trained(folder, view, material, fitted, outcome, calibrated, told, twins)


def _parts(
    folder: ImageFolder, table: FeatureTable, twins: Sequence[Twin], run_folder: Path
) -> Parts:
    """What is learned from, decides and judges; pictures keep the fold that they once had.

    Raises:
        DataFolderError: as `make_parts`; or a run that goes on would go on with other folds.
    """
    own = first_says(lambda: own_folds(run_folder))
    known = own or first_says(lambda: folds_of_earlier_runs(run_folder))
    pairs = [(twin.first, twin.second) for twin in twins]
    parts = make_parts(folder, table.examples, table.digests, pairs, known)
    learned = [table.digests[row] for row in parts.train.tolist()]
    if own and [own.get(digest) for digest in learned] != parts.folds.tolist():
        raise DataFolderError("--resume: what --groups says has changed; begin a new run")
    first_says(lambda: write_folds(run_folder, learned, parts.folds))
    return parts


def _view_of_earlier(
    settings: TrainingSettings, whole: Extractor, run_folder: Path
) -> tuple[View, Extractor] | None:
    """As the run whose labels are put right showed pictures, where it was told to do the same."""
    # Several processes may have several caches, and must not decide each for itself.
    if size() > 1 or (earlier := _earlier(settings)) is None:
        return None
    if _OF_THE_VIEW.intersection(other_settings(earlier, settings.as_json())):
        return None
    return view_of(earlier, whole, run_folder)


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


def _data_digest(folder: ImageFolder, table: FeatureTable) -> str:
    """Of all pictures used; and of their classes, where tables tell those."""
    if not folder.labels_digest:
        return table.data_digest
    return hashlib.sha256(f"{table.data_digest} {folder.labels_digest}".encode()).hexdigest()


def _check_that_pictures_are_the_same(
    run_folder: Path, folder: ImageFolder, table: FeatureTable
) -> None:
    """Refuses to go on with other pictures than a run began with; writes down which those are.

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


def _exported(
    settings: TrainingSettings, run_folder: Path, trained: _Trained, begun: float
) -> Record:
    """Writes the bundle to the run folder and the store, and what is known of it beside it."""
    outcome, material = trained.outcome, trained.material
    extractor, network = outcome.extractor, outcome.extractor.network
    head_graph = head_graph_of(network, outcome.head)
    with working("exporting, and comparing with torch"):
        data, agreement = network.bundle(
            outcome.head,
            (extractor.graph.model, head_graph),
            _description(settings, trained),
            _compared_pixels(material, extractor.preprocessing),
        )
    path = run_folder / BUNDLE_FILE
    write_bundle(data, path)
    record = Record(
        settings=settings.as_json(),
        layout=trained.folder.layout,
        left_out=(*material.table.left_out, *_not_used(trained.folder)),
        one_colour=material.table.names_of_one_colour,
        data_digest=_data_digest(trained.folder, material.table),
        view=trained.view.as_json(),
        learned=_learned(trained, agreement.as_json()),
        judged=outcome.judged,
        answers=outcome.answers,
        inspection=_inspected(trained),
        model="",  # known last: a full store must not cost what stands beside
        bundle=path,
        seconds=round(time.monotonic() - begun, 2),
        backbone_choice=read_json(choice)
        if (choice := run_folder / BACKBONE_FILE).exists()
        else {},
        difference=_difference(settings, trained),
    )
    write_predictions(run_folder / PREDICTIONS_FILE, record.answers, record.judged.classes)
    session = Session(parse_bundle(data, str(path)), "cpu")
    write_json(run_folder / INSPECTION_FILE, record.inspection.as_json())
    write_labels(run_folder / LABELS_FILE, trained.folder, record.inspection)
    with working("drawing for TensorBoard"):
        log_to_tensorboard(run_folder, record, session, material.pictures)
    with working("writing the report"):
        _write_report(settings, run_folder, record, material, session)
        write_card(run_folder / CARD_FILE, record, session.metadata)
    stored = _stored(_filing(settings), data, trained.folder.classes)
    seconds = round(time.monotonic() - begun, 2)
    record = replace(record, model=stored.tag, seconds=seconds)
    # Last: that it is there says "complete".
    write_json(run_folder / SUMMARY_FILE, record.as_json())
    return record


def _earlier(settings: TrainingSettings) -> Path | None:
    """The run whose labels are put right."""
    runs = settings.out / printable(settings.run_name)
    return find_earlier_run(settings.labels, settings.data, runs)


def _difference(settings: TrainingSettings, trained: _Trained) -> Difference | None:
    """How much better the answers are than those of the run whose labels are put right."""
    if (earlier := _earlier(settings)) is None:
        return None
    table, groups = trained.material.table, trained.material.parts.groups
    group_of = {e.name: int(group) for e, group in zip(table.examples, groups, strict=True)}
    others = other_settings(earlier, settings.as_json())
    return compare_with_run(earlier, trained.outcome.judged.by_name, group_of, others)


def _write_report(
    settings: TrainingSettings,
    run_folder: Path,
    record: Record,
    material: Material,
    session: Session,
) -> None:
    told = Told(record, material.table, material.pictures, session)
    with_pictures = not settings.report_without_pictures
    write_report(run_folder / REPORT_FILE, told, with_pictures=with_pictures)


def _inspected(trained: _Trained) -> Inspection:
    """What there is to look at in the folder, by the probe's answers."""
    table, parts = trained.material.table, trained.material.parts
    classes, fitted = trained.folder.classes, trained.probe.fitted
    with working("looking for what may be wrong with the pictures"):
        answers = trained.probe.outcome.answers.probabilities
        judged = trained.outcome.judged.evaluation
        return inspect(
            Evidence(
                table, classes, parts, answers, parts.groups, judged, fitted.strength, trained.twins
            )
        )


def _stored(filing: Filing, data: bytes, classes: Sequence[str]) -> StoredBundle:
    """The bundle in the store, and what there is to say of its neighbours."""
    with working("putting the bundle into the model store"):
        warn_of_other_classes(filing.name, classes)
        stored = filing.put(data)
        say_what_is_better(stored)
    return stored


def _learned(trained: _Trained, agreement: Mapping[str, float]) -> Learned:
    outcome = trained.outcome
    return Learned(
        backbone=outcome.extractor.network.backbone.name,
        weights=outcome.extractor.network.backbone.weights.origin,
        base_model=outcome.extractor.network.base_model,
        recipe=outcome.recipe,
        trained_on=outcome.trained_on,
        trained_parameters=outcome.trained_parameters,
        regularisation=trained.probe.fitted,
        fine_tuning=trained.fine_tuning,
        precision=asdict(outcome.precision),
        agreement_with_torch=agreement,
        calibration=trained.calibrated.as_json(),
    )


def _description(settings: TrainingSettings, trained: _Trained) -> Description:
    evaluation = trained.outcome.judged.evaluation
    summary = TrainingSummary(
        recipe=trained.outcome.recipe,
        seed=settings.seed,
        accuracy=evaluation.accuracy,
        accuracy_interval=evaluation.accuracy_interval,
        judged_by=evaluation.judged_by,
        held_out=evaluation.count,
        trained_on=trained.outcome.trained_on,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    return Description(
        classes=trained.folder.classes,
        preprocessing=trained.outcome.extractor.preprocessing,
        training=summary,
        data_digest=_data_digest(trained.folder, trained.material.table),
        calibration=trained.calibrated.calibration,
    )


def _log_folder(folder: ImageFolder) -> None:
    counts = Counter((e.part, e.class_index) for e in folder.examples)
    log.info("%s: %s", folder.place, folder.layout)
    for part in sorted({e.part for e in folder.examples}, key=str):
        shown = ", ".join(f"{c} ({counts[part, i]})" for i, c in enumerate(folder.classes))
        log.info("  %s: %s", part or "classes", shown)
    for unused in folder.unused:
        more = ", …" if len(unused.shown) > 10 else ""
        names = ", ".join(unused.shown[:10])
        count = f" ({len(unused.files):,} files)" if len(unused.files) > 1 else ""
        log.info("  not used, %s: %s%s%s", unused.reason, names, more, count)
    for remark in folder.remarks[:_MOST_REMARKS]:
        log.warning("%s", remark)
    if len(folder.remarks) > _MOST_REMARKS:
        log.warning("and %d remarks more like these", len(folder.remarks) - _MOST_REMARKS)


def _not_used(folder: ImageFolder) -> list[LeftOut]:
    return [
        LeftOut(name, f"not used: {unused.reason}")
        for unused in folder.unused
        for name in unused.files
    ]


def _compared_pixels(material: Material, preprocessing: Preprocessing) -> Pixels:
    """A few pictures that judge, spread over the classes; drawn ones where those are gone."""
    held_out = material.examples(material.parts.set_aside)
    chosen = held_out[:: max(1, len(held_out) // _COMPARED)][:_COMPARED]
    found, pixels = readable_pixels(material.pictures, chosen, preprocessing)
    if len(found) < len(chosen):
        log.warning(
            "%d of %d pictures cannot be read any more; torch and the file are compared on drawn "
            "ones too",
            len(chosen) - len(found), len(chosen),
        )  # fmt: skip
        drawn = [read_pixels(picture, preprocessing) for picture in draw_self_check_pictures()]
        pixels = np.concatenate([pixels, np.stack(drawn)])
    return pixels
