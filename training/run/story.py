"""The story of a run, from a folder of pictures to a bundle in the store, top to bottom."""

import logging
import shlex
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from models.choices import AtLeast
from models.errors import TransferError
from models.file_names import printable
from models.graph.known_network import KnownNetwork
from models.terminal import be_quiet, working
from training.data.example import ImageFolder
from training.data.folder import scan_folders
from training.data.named_groups import with_groups
from training.data.parts import check_counts
from training.data.pictures import Pictures
from training.filing import Filing, check_writable, say_where
from training.group import Group, check_batch_size, first_says, is_first, started_group
from training.head.operating_point import check_at_least
from training.report.tensorboard import how_to_open
from training.report.terminal import (
    append_evaluation,
    log_findings,
    log_folder,
    print_evaluation,
    print_place,
)
from training.run.learning import learn
from training.run.network import decide_backbone, find_network, load_network
from training.run.results import tell_what_is_wrong, write_results
from training.run_folder import (
    BACKBONE_FILE,
    DATA_FILE,
    LOG_FILE,
    REPORT_FILE,
    SETTINGS_FILE,
    logged_to,
    make_run_folder,
    write_json,
)
from training.selection.backbone import AUTO
from training.settings import TrainingSettings

if TYPE_CHECKING:
    from training.features.graphs import AnyNetwork

log = logging.getLogger(__name__)


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
    if not settings.inspect:
        check_writable()
    with working("looking for pictures"):
        folder = scan_folders(settings.data, [settings.out], settings.labels)
    folder = with_groups(folder, settings.groups)
    _check_folder(folder, settings.operating_point)
    log_folder(folder)
    if group.size == 1 and (found := find_network(settings)):
        return _run(*found, folder, resumed)
    with _with_torch(settings, group):
        return _run(settings, None, folder, resumed)


@contextmanager
def _with_torch(settings: TrainingSettings, group: Group) -> Iterator[None]:
    """All processes of a run as one group, once what was asked for can be."""
    with working("loading torch and timm"):
        # Late, because torch takes seconds, and nothing above this line and beside it needs it.
        from models.backbones.catalogue import check_backbone  # noqa: PLC0415
        from training.process_group import joined  # noqa: PLC0415

    with joined(group):
        check_batch_size(settings.batch_size)
        if settings.backbone not in (None, AUTO):
            check_backbone(settings.backbone)
        yield


def _check_folder(folder: ImageFolder, asked: AtLeast | None) -> None:
    """Refuses what cannot be learned from, or shows too little of what was asked for."""
    check_counts(folder, folder.examples)
    if asked:
        learned = [e for e in folder.examples if e.part == "train" or not folder.holds_out]
        labels = np.array([example.class_index for example in learned], np.int64)
        check_at_least(asked, folder.classes, labels)


def _run(
    settings: TrainingSettings,
    known: KnownNetwork | None,
    folder: ImageFolder,
    resumed: Path | None,
) -> dict[str, Any]:
    """The same, once it is known that there is something to learn from; the network may be."""
    if not settings.inspect:
        first_says(lambda: say_where(Filing(settings.data[0], settings.name), folder.classes))
    begun, pictures = time.monotonic(), Pictures(folder.read)
    choice: dict[str, Any] = {}
    network: AnyNetwork | None = known
    if network is None:
        settings, choice = decide_backbone(settings, folder, pictures)
        settings, network = load_network(settings)
    make = partial(make_run_folder, settings.out, printable(settings.run_name))
    run_folder = resumed or first_says(make)
    with logged_to(run_folder), _way_on(run_folder):
        first_says(lambda: write_json(run_folder / SETTINGS_FILE, settings.as_json()))
        if choice:
            first_says(lambda: write_json(run_folder / BACKBONE_FILE, choice))
        trained = learn(settings, folder, network, pictures, run_folder)
        if settings.inspect:
            return first_says(lambda: tell_what_is_wrong(trained, run_folder))
        record = first_says(lambda: write_results(settings, run_folder, trained, begun))
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
