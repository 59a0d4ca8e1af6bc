"""The OpenAPI document, taken at its word by a fuzzer.

Requests are made from the document, valid and invalid ones, for a bounded number of examples; every
answer must have a status, a media type and a body that the document has for it, and none may be a
5xx.
"""

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance

from service.http.openapi import document
from service.http.routes import all_routes
from tests.service.conftest import Served

SCHEMA = schemathesis.openapi.from_dict(document(all_routes()))

#: BentoML's own routes are not in the fixture's server; `tests/end_to_end` asks them.
BENTOML = {f"{route.method} {route.template}" for route in all_routes() if not route.handler}

OPERATIONS = {
    found.ok().label: found.ok()  # type: ignore[union-attr]  # else the document is wrong
    for found in SCHEMA.get_all_operations()
}


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(OPERATIONS.keys() - BENTOML))
def test_what_the_document_allows_is_answered_as_it_says(served: Served, name: str) -> None:
    @settings(
        max_examples=40,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=OPERATIONS[name].as_strategy())
    def check(case: Any) -> None:
        case.call_and_validate(
            base_url=str(served.client.base_url),
            # No schema says which bytes are a picture.
            excluded_checks=[positive_data_acceptance],
        )

    check()
