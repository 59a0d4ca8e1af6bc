"""What lies in deploy/ is what its programs accept, and speaks of metrics that there are."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import kubernetes_validate
import promql_parser
import pytest
import yaml
from prometheus_client import REGISTRY

from service import settings
from service.batch.cli import parser
from service.batch.settings import BatchSettings
from service.observability import metrics
from service.observability.deaths import told_of_deaths

ROOT = Path(__file__).parents[1]

DEPLOY = ROOT / "deploy"

ALERT_TESTS = ("alerts_test.yaml", "alerts_week_test.yaml")

PROMTOOL = shutil.which("promtool")

#: Of BentoML's, as tests/end_to_end/test_operators.py sees them.
BENTOMLS = {"bentoml_service_request_total", "bentoml_service_request_duration_seconds_bucket"}


def documents(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((DEPLOY / name).read_text(encoding="utf-8")))


def manifest(kind: str) -> dict[str, Any]:
    return next(d for d in documents("kubernetes.yaml") if d["kind"] == kind)


def rules() -> list[dict[str, Any]]:
    return [rule for group in documents("alerts.yaml")[0]["groups"] for rule in group["rules"]]


def metric_names() -> set[str]:
    ours = {s.name for family in REGISTRY.collect() for s in family.samples} | {
        f"{family.name}_total" for family in REGISTRY.collect() if family.type == "counter"
    }
    gauges = {family.name for family in REGISTRY.collect() if family.type == "gauge"}
    told = set(re.findall(r"^transfer_\w+", told_of_deaths({}), re.MULTILINE))
    return {name for name in ours | gauges if name.startswith("transfer_")} | told | BENTOMLS


def test_the_compose_file_is_one() -> None:
    checked = subprocess.run(
        [
            *(sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"),
            str(DEPLOY / "compose.yaml"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )

    assert checked.returncode == 0, checked.stdout


def test_the_compose_file_has_nothing_that_the_first_compose_refuses() -> None:
    assert documents("compose.yaml")[0].keys() == {"services", "secrets"}


@pytest.mark.parametrize("manifest", documents("kubernetes.yaml"), ids=lambda d: d["kind"])
def test_the_kubernetes_manifests_are_what_a_cluster_takes(manifest: dict[str, Any]) -> None:
    kubernetes_validate.validate(manifest, "1.37", strict=True)


def test_all_manifests_are_of_the_namespace_that_the_first_makes() -> None:
    first, *others = documents("kubernetes.yaml")

    assert first["kind"] == "Namespace"
    assert {d["metadata"]["namespace"] for d in others} == {first["metadata"]["name"]}


def test_the_image_is_named_by_digest_and_its_user_is_none_of_a_machine() -> None:
    pod = manifest("Deployment")["spec"]["template"]["spec"]

    assert re.fullmatch(r"[^@]+@sha256:[0-9a-f]{64}", pod["containers"][0]["image"])
    users = {pod["securityContext"][name] for name in ("runAsUser", "runAsGroup", "fsGroup")}
    (user,) = users
    assert user >= 10_000
    operating = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
    assert f"build-arg=BENTO_USER_UID={user} --opt build-arg=BENTO_USER_GID={user}" in operating


def test_the_network_policy_covers_the_pods_and_opens_their_one_port() -> None:
    policy, pod = manifest("NetworkPolicy")["spec"], manifest("Deployment")["spec"]["template"]
    (rule,) = policy["ingress"]
    (port,) = pod["spec"]["containers"][0]["ports"]

    assert policy["podSelector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
    assert (set(policy["policyTypes"]), "egress" in policy) == ({"Ingress", "Egress"}, False)
    assert [each["port"] for each in rule["ports"]] == [port["name"]]
    assert all("namespaceSelector" in source for source in rule["from"])


def test_a_wrong_manifest_would_be_seen() -> None:
    wrong = manifest("Deployment")
    wrong["spec"]["template"]["spec"]["containers"][0]["livenessProb"] = {}

    with pytest.raises(kubernetes_validate.ValidationError, match="livenessProb"):
        kubernetes_validate.validate(wrong, "1.37", strict=True)


def test_the_autoscaler_scales_on_a_metric_of_ours_that_the_adapter_gives() -> None:
    scaler = manifest("HorizontalPodAutoscaler")
    (rule,) = documents("prometheus-adapter.yaml")[0]["rules"]["custom"]

    name = scaler["spec"]["metrics"][0]["pods"]["metric"]["name"]
    assert name == rule["name"]["as"] == metrics.QUEUE._name


def test_the_cluster_of_many_pictures_runs_our_command_with_our_ray_on_valid_pods() -> None:
    (job,) = documents("kuberay.yaml")
    cluster = job["spec"]["rayClusterSpec"]
    extra = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]

    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    assert extra["optional-dependencies"]["ray"] == [f"ray=={cluster['rayVersion']}"]
    command, *arguments = job["spec"]["entrypoint"].split()
    given = vars(parser().parse_args(arguments))
    assert command in extra["scripts"]
    assert BatchSettings(**{**given, "places": ("/data",)}).engine == "ray"
    for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"]):
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, **group["template"]}
        kubernetes_validate.validate(pod, "1.37", strict=True)


def test_settings_in_the_manifests_are_settings() -> None:
    known = {f"{settings.PREFIX}{name}".upper() for name in settings.Settings.model_fields}

    for name in ("compose.yaml", "kubernetes.yaml"):
        used = set(re.findall(r"TRANSFER_\w+", (DEPLOY / name).read_text(encoding="utf-8")))
        assert used
        assert used <= known


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_an_alarm_asks_for_metrics_that_there_are(rule: dict[str, Any]) -> None:
    promql_parser.parse(rule["expr"])

    asked = set(re.findall(r"\b(?:transfer|bentoml)_\w+", rule["expr"]))
    assert asked
    assert asked <= metric_names()


@pytest.mark.skipif(
    not shutil.which("promtool"), reason="promtool is not here (Debian: prometheus)"
)
def test_every_alarm_goes_off_when_it_should_and_only_then() -> None:
    done = subprocess.run(
        [str(PROMTOOL), "test", "rules", *ALERT_TESTS],
        cwd=DEPLOY, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alarm_is_tested_to_go_off_and_to_be_silent() -> None:
    cases = [
        (case["alertname"], bool(case.get("exp_alerts")))
        for name in ALERT_TESTS
        for test in documents(name)[0]["tests"]
        for case in test["alert_rule_test"]
    ]

    assert set(cases) == {(r["alert"], goes_off) for r in rules() for goes_off in (True, False)}


def test_every_alarm_has_its_paragraph_and_every_paragraph_its_alarm() -> None:
    page = (ROOT / "docs" / "on-call.md").read_text(encoding="utf-8")

    assert set(re.findall(r"^## (Transfer\w+)", page, re.MULTILINE)) == {
        r["alert"] for r in rules()
    }
