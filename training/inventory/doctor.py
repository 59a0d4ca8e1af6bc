"""`train-transfer --doctor`: what this machine can do, in some ten lines, without training.

The exit code is 0 where the main job can run: from a folder of pictures to a bundle in the store.
Weights are not part of that: without a hub the bundled ones or a file do, and the last line says
so.
Nothing waits long for a network that does not answer.
"""

import importlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, Literal

from huggingface_hub import constants as hub_constants

from models.errors import first_line
from models.pretrained import bundled_file, problem_reaching
from training.run_folder import package_versions

#: What the main job is made of; a broken one would keep the other checks from being loaded.
_NEEDED: Final = (
    "torch", "models.backbones", "timm", "torchvision", "onnx", "onnxruntime", "bentoml",
)  # fmt: skip

#: How long the hub may take to answer; a training run waits a little longer.
_HUB_PATIENCE_S: Final = 3.0

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


def examine() -> int:
    """Looks at everything, prints a line for each, and a verdict.

    Returns:
        The exit code: 0 where the main job can run, else 1.
    """
    versions = ", ".join(f"{name} {version}" for name, version in package_versions().items())
    with ThreadPoolExecutor() as pool:
        # Both take seconds, and the one only waits.
        hub = pool.submit(_finding, "hub", check_hub)
        findings = [Finding("versions", versions), *_broken_packages(), hub.result()]
    if not _with_effect("hinders", findings):
        # Late, because it imports the packages that have only now proved to be importable.
        from training.inventory.machine import CHECKS  # noqa: PLC0415

        findings += [_finding(what, check) for what, check in CHECKS.items()]
    findings.append(_verdict(findings))
    for finding in findings:
        print(f"{finding.what + ':':<15}{finding.said}")
    return 1 if findings[-1].effect == "hinders" else 0


def check_hub() -> tuple[str, Effect]:
    """Whether weights could be downloaded."""
    place = hub_constants.ENDPOINT
    problem = problem_reaching(place, _HUB_PATIENCE_S)
    return (problem, "needs weights") if problem else (f"{place} answers", "fine")


def _broken_packages() -> list[Finding]:
    found = []
    for name in _NEEDED:
        try:
            importlib.import_module(name)
        # A package that is broken may raise anything: a missing library, another version's error.
        except Exception as error:  # noqa: BLE001
            found.append(Finding(name, f"cannot be imported: {first_line(error)}", "hinders"))
    return found


def _finding(what: str, check: Check) -> Finding:
    try:
        said, effect = check()
    # The doctor is called where things are broken: one check that fails must not end the others.
    except Exception as error:  # noqa: BLE001
        return Finding(what, f"fails: {first_line(error)}", "hinders")
    return Finding(what, said, effect)


def _verdict(findings: Sequence[Finding]) -> Finding:
    if hindrances := _with_effect("hinders", findings):
        return Finding("main job", f"CANNOT run, because of: {', '.join(hindrances)}", "hinders")
    if _with_effect("needs weights", findings) and bundled_file():
        said = "can run, with the bundled network or those that are here: train-transfer --data DIR"
        return Finding("main job", said)
    if _with_effect("needs weights", findings):
        said = "can run with --weights FILE, or with a --backbone whose weights are here"
        return Finding("main job", said)
    return Finding("main job", "can run: train-transfer --data DIR")


def _with_effect(effect: Effect, findings: Sequence[Finding]) -> list[str]:
    return [finding.what for finding in findings if finding.effect == effect]
