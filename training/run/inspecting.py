"""What there is to look at in a run's folder of pictures; alone, or beside what is exported."""

import logging
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.session import Session
from training.inspection.evidence import Evidence
from training.inspection.inspect import inspect
from training.inspection.inspection import Inspection
from training.inspection.mean_maps import mean_maps
from training.report.tables import write_labels
from training.report.terminal import print_evaluation, print_findings
from training.run_folder import INSPECTION_FILE, LABELS_FILE, write_json
from training.terminal import working

if TYPE_CHECKING:
    from training.run.learning import Trained

log = logging.getLogger(__name__)


def inspect_run(trained: "Trained", session: Session | None = None) -> Inspection:
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


def tell_what_is_wrong(trained: "Trained", run_folder: Path) -> dict[str, Any]:
    """Writes and prints what there is to look at, of a run that exports nothing.

    Returns:
        The content of `inspection.json`.

    Raises:
        OutputError: a file cannot be written.
    """
    inspection = inspect_run(trained)
    told = inspection.as_json()
    write_labels(run_folder / LABELS_FILE, trained.folder, inspection)
    write_json(run_folder / INSPECTION_FILE, told)
    log.info("run folder: %s", run_folder)
    with suppress(OSError):
        print_evaluation(trained.outcome.judged.evaluation)
        print_findings(inspection)
    return told
