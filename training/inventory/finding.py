"""What the doctor finds, and what that means for the main job."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

#: What a finding means for the main job.
Effect = Literal["fine", "needs weights", "hinders"]

#: What was found, in words, and what it means.
Check = Callable[[], tuple[str, Effect]]


@dataclass(frozen=True)
class Finding:
    """One line of the report: what was looked at, what was found, and what that means."""

    what: str
    said: str
    effect: Effect = "fine"
