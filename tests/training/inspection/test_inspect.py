import json

from tests.training.inspection.drawn_evidence import evidence_of
from training.inspection.inspect import inspect


def test_what_was_found_is_written_as_the_service_of_others_reads_it() -> None:
    found = inspect(evidence_of([0] * 60 + [1] * 10))

    (first,) = json.loads(json.dumps(found.as_json()))["findings"]
    assert first.keys() == {"kind", "files", "score", "sentence"}
    assert found.counts == {"imbalance": 1}
    assert found.of_kind("imbalance") == found.findings
