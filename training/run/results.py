"""What a run leaves behind: the bundle, in its folder and the store, and what there is to tell."""

import logging
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import onnx

from models.bundle import Description, TrainingSummary, parse_bundle, write_bundle
from models.errors import ExportError
from models.graph.differences import Agreement
from models.graph.known_network import KnownNetwork
from models.head import LinearHead
from models.preprocessing import Pixels
from models.session import Session
from models.store import StoredBundle
from models.terminal import working
from training.data.example import ImageFolder
from training.earlier_run import other_settings
from training.features.graphs import graph_of, head_graph_of
from training.features.kept_networks import keep_network
from training.features.table import LeftOut
from training.filing import Filing, say_what_is_better
from training.inspection.evidence import Evidence
from training.inspection.inspect import inspect
from training.inspection.inspection import Inspection
from training.inspection.mean_maps import mean_maps
from training.recipes.material import Material
from training.report.card import write_card
from training.report.difference import compare_with_run
from training.report.page import Told, write_report
from training.report.record import Difference, Learned, Record
from training.report.tables import write_labels, write_predictions
from training.report.tensorboard import log_to_tensorboard
from training.report.terminal import print_evaluation, print_findings
from training.run.ahead import shown_pixels
from training.run.grading import grade
from training.run.network import load_network
from training.run_folder import (
    BACKBONE_FILE,
    BUNDLE_FILE,
    CARD_FILE,
    INSPECTION_FILE,
    LABELS_FILE,
    PREDICTIONS_FILE,
    REPORT_FILE,
    SUMMARY_FILE,
    read_json,
    write_json,
)
from training.settings import TrainingSettings

if TYPE_CHECKING:
    from models.graph.network import Network
    from training.run.learning import Trained

log = logging.getLogger(__name__)


def write_results(
    settings: TrainingSettings, run_folder: Path, trained: "Trained", begun: float
) -> Record:
    """Writes the bundle to the run folder and the store, and what is known of it beside it."""
    material = trained.material
    data, agreement = _exported(settings, trained)
    path = run_folder / BUNDLE_FILE
    write_bundle(data, path)
    session = Session(parse_bundle(data, str(path)), "cpu")
    record = _record(settings, trained, session, run_folder, agreement.as_json(), begun)
    write_predictions(run_folder / PREDICTIONS_FILE, record.answers, record.judged.classes)
    write_json(run_folder / INSPECTION_FILE, record.inspection.as_json())
    write_labels(run_folder / LABELS_FILE, trained.folder, record.inspection)
    with working("drawing for TensorBoard"):
        log_to_tensorboard(run_folder, record, session, material.pictures)
    with working("writing the report"):
        _write_report(settings, run_folder, record, material, session)
        write_card(run_folder / CARD_FILE, record, session.metadata)
    stored = _stored(Filing(settings.data[0], settings.name), data)
    record = replace(record, model=stored.tag, seconds=round(time.monotonic() - begun, 2))
    # Last: that it is there says "complete".
    write_json(run_folder / SUMMARY_FILE, record.as_json())
    return record


def _exported(settings: TrainingSettings, trained: "Trained") -> tuple[bytes, Agreement]:
    """The bundle, once it answers as torch does.

    Raises:
        ExportError: it does not.
    """
    outcome, extractor = trained.outcome, trained.outcome.extractor
    network, head_graph = extractor.network, head_graph_of(extractor.network)
    ahead, material = trained.ahead, trained.material
    pixels = ahead.shown() if ahead else shown_pixels(material, extractor.preprocessing)
    told = (
        outcome.head,
        (extractor.graph.model, head_graph),
        replace(_description(settings, trained), grade=partial(grade, trained, head_graph)),
        pixels,
    )
    if isinstance(network, KnownNetwork):
        try:
            with working("exporting, comparing with what torch has said, and grading heatmaps"):
                return network.bundle(*told)
        except ExportError as error:
            log.warning("%s; torch is asked", error)
            network = load_network(settings)[1]
    with working("exporting, comparing with torch, and grading heatmaps"):
        found = network.bundle(*told)
    if outcome.recipe == "frozen" and not network.facts.is_random and not network.read_on_gpu():
        _keep(network, head_graph, outcome.head, pixels, settings)
    return found


def _keep(
    network: "Network",
    head_graph: onnx.ModelProto,
    head: LinearHead,
    pixels: Pixels,
    settings: TrainingSettings,
) -> None:
    """Lets the next run with this network do without torch."""
    with working("comparing the network's graphs with torch, once on this machine"):
        try:
            agreement = network.agreement((graph_of(network).model, head_graph), head, pixels)
        except ExportError as error:
            log.warning("the next run will need torch, too: %s", error)
            return
    if keep_network(network.facts, network.backbone.weights, settings.image_size, agreement):
        log.info("the next run with this network needs no torch, and begins sooner")


def tell_what_is_wrong(trained: "Trained", run_folder: Path) -> dict[str, Any]:
    """Writes and prints what there is to look at, of a run that exports nothing.

    Returns:
        The content of `inspection.json`.

    Raises:
        OutputError: a file cannot be written.
    """
    inspection = _inspected(trained)
    told = inspection.as_json()
    write_labels(run_folder / LABELS_FILE, trained.folder, inspection)
    write_json(run_folder / INSPECTION_FILE, told)
    log.info("run folder: %s", run_folder)
    with suppress(OSError):
        print_evaluation(trained.outcome.judged.evaluation)
        print_findings(inspection)
    return told


def _inspected(trained: "Trained", session: Session | None = None) -> Inspection:
    """What there is to look at, by the probe's answers; and where a bundle looks, if given one."""
    parts = trained.material.parts
    evidence = Evidence(
        trained.material.table,
        trained.folder.classes,
        parts,
        trained.probe.outcome.answers.probabilities,
        parts.groups,
        trained.outcome.judged.evaluation,
        trained.probe.fitted.strength,
        trained.twins,
    )
    with working("looking for what may be wrong with the pictures"):
        found = inspect(evidence)
    if session is None:
        return found
    with working("looking where the network looks in each class"):
        return replace(found, mean_maps=mean_maps(evidence, session, trained.material.pictures))


def _record(
    settings: TrainingSettings,
    trained: "Trained",
    session: Session,
    run_folder: Path,
    agreement: Mapping[str, float],
    begun: float,
) -> Record:
    """All that there is to tell but for the model's name in the store."""
    outcome, choice = trained.outcome, run_folder / BACKBONE_FILE
    return Record(
        settings=settings.as_json(),
        layout=trained.folder.layout,
        left_out=(*trained.material.table.left_out, *_not_used(trained.folder)),
        one_colour=trained.material.table.names_of_one_colour,
        data_digest=trained.data_digest,
        view=trained.view.as_json(),
        learned=_learned(trained, agreement),
        judged=outcome.judged,
        answers=outcome.answers,
        inspection=_inspected(trained, session),
        model="",  # known last: a full store must not cost what stands beside
        bundle=run_folder / BUNDLE_FILE,
        seconds=round(time.monotonic() - begun, 2),
        backbone_choice=read_json(choice) if choice.exists() else {},
        difference=_difference(settings, trained),
        map_quality=session.metadata.map_quality,
    )


def _difference(settings: TrainingSettings, trained: "Trained") -> Difference | None:
    """How much better the answers are than those of the run whose labels are put right."""
    if trained.earlier is None:
        return None
    table, groups = trained.material.table, trained.material.parts.groups
    group_of = {e.name: int(group) for e, group in zip(table.examples, groups, strict=True)}
    others = other_settings(trained.earlier, settings.as_json())
    return compare_with_run(trained.earlier, trained.outcome.judged.by_name, group_of, others)


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


def _stored(filing: Filing, data: bytes) -> StoredBundle:
    """The bundle in the store, and what there is to say of its neighbours."""
    with working("putting the bundle into the model store"):
        stored = filing.put(data)
        say_what_is_better(stored)
    return stored


def _learned(trained: "Trained", agreement: Mapping[str, float]) -> Learned:
    outcome = trained.outcome
    return Learned(
        backbone=outcome.extractor.network.facts.name,
        weights=outcome.extractor.network.facts.origin,
        base_model=outcome.extractor.network.facts.base_model,
        recipe=outcome.recipe,
        trained_on=outcome.trained_on,
        trained_parameters=outcome.trained_parameters,
        regularisation=trained.probe.fitted,
        fine_tuning=trained.fine_tuning,
        precision=asdict(outcome.precision),
        agreement_with_torch=agreement,
        calibration=trained.calibrated.as_json(),
        operating_point=trained.operating_point,
    )


def _description(settings: TrainingSettings, trained: "Trained") -> Description:
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
        data_digest=trained.data_digest,
        calibration=trained.calibrated.calibration,
        operating_point=trained.operating_point.point if trained.operating_point else None,
    )


def _not_used(folder: ImageFolder) -> list[LeftOut]:
    return [
        LeftOut(name, f"not used: {unused.reason}")
        for unused in folder.unused
        for name in unused.files
    ]
