import json

from tests.training.inspection.drawn_evidence import evidence_of
from training.inspection.inspect import inspect


def test_what_was_found_is_written_with_kind_files_score_and_sentence() -> None:
    found = inspect(evidence_of([0] * 60 + [1] * 10))

    findings = json.loads(json.dumps(found.as_json()))["findings"]
    assert all(f.keys() == {"kind", "files", "score", "sentence"} for f in findings)
    assert found.counts["imbalance"] == 1
    assert found.of_kind("imbalance")[0] in found.findings
