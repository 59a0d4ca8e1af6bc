"""How much better answers are than those of an earlier run, on pictures that both were asked about.

Only pictures whose label is the same in both are compared. Of one that was put right because the
earlier run doubted it, that run's answer is right by how it was chosen, and of one that was left
out there is none.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from pydantic import TypeAdapter

from models.errors import UsageError
from training.data.tables import read_table
from training.evaluation import gain_interval
from training.report.record import Difference
from training.run_folder import PREDICTIONS_FILE, SUMMARY_FILE, read_json


def compare_with_run(
    run: Path,
    answers: Mapping[str, tuple[str, str]],
    group_of: Mapping[str, int],
    other_settings: tuple[str, ...] = (),
) -> Difference | None:
    """Compares answers with those of an earlier run, where both were asked about some picture.

    Args:
        run: its folder.
        answers: of now: label and answer of each picture that judges, by its name.
        group_of: which pictures belong together, by name.
        other_settings: names of settings that were others.
    """
    try:
        told = TypeAdapter(float).validate_python(read_json(run / SUMMARY_FILE).get("accuracy"))
        before = _answers_of(run)
    except (UsageError, ValueError, OSError):
        return None
    both = [name for name in answers if name in before]
    same = [name for name in both if before[name][0] == answers[name][0]]
    if not same:
        return None
    were_right = np.array([before[name][0] == before[name][1] for name in same], dtype=float)
    are_right = np.array([answers[name][0] == answers[name][1] for name in same], dtype=float)
    groups = np.array([group_of[name] for name in same])
    return Difference(
        run,
        told,
        pictures=len(same),
        relabelled=len(both) - len(same),
        accuracy=float(are_right.mean()),
        accuracy_before=float(were_right.mean()),
        gain=float((are_right - were_right).mean()),
        gain_interval=gain_interval(are_right - were_right, groups),
        other_settings=other_settings,
    )


def _answers_of(run: Path) -> dict[str, tuple[str, str]]:
    """Label and answer of each picture, by its name; `UsageError` where they cannot be read."""
    path = run / PREDICTIONS_FILE
    table = read_table(path.read_bytes(), str(path))
    columns = [table.columns.index(name) for name in ("file", "true", "answered")]
    cells = ([row.cells[column] for column in columns] for row in table.rows)
    return {file: (true, answered) for file, true, answered in cells}
