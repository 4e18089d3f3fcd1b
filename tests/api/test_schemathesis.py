"""What nobody thought of: generated requests for every documented operation, good and bad ones.

No answer may be a 5xx, or one that the OpenAPI document does not describe.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from src.simulator.simulator import Simulator
from tests.api.rig import Api, fill, open_api, settings_for

load_all_checks()

# They end the token that asks, or answer for as long as one listens.
_LEFT_OUT = {"/api/logout"}
_CHECKS: list[Any] = [
    CHECKS.get_one("not_a_server_error"),
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
]
# For each operation, of good requests and of bad ones; servers are asked less, since the code is the same.
_EXAMPLES = {"sqlite": 4, "mysql": 2}


@pytest.fixture(params=["sqlite", "mariadb"])
def any_api(request: pytest.FixtureRequest, tmp_path: Path, simulator: Simulator) -> Iterator[Api]:
    """Give an API with data on each kind of warehouse, and an exchange; what is asked may change them."""
    exchange = {"binance_base_url": simulator.base_url}
    if request.param == "sqlite":
        made = settings_for(request.getfixturevalue("own_folder"), **exchange)
    else:
        made = settings_for(tmp_path, request.getfixturevalue("mariadb_url"), **exchange)
        fill(made)
    with open_api(made) as opened:
        yield opened


def test_generated_requests_are_answered_as_documented(any_api: Api) -> None:
    schema = schemathesis.openapi.from_wsgi("/api/openapi.json", any_api.app)
    tried = 0
    for result in schema.get_all_operations():
        assert isinstance(result, Ok), result.err()
        operation = result.ok()
        if operation.path not in _LEFT_OUT and "x-stream" not in operation.definition.raw:
            _try(any_api, operation, GenerationMode.POSITIVE)
            if operation.definition.raw.get("parameters") or operation.body:  # else nothing can be wrong
                _try(any_api, operation, GenerationMode.NEGATIVE)
            tried += 1
    assert tried >= 8


def _try(api: Api, operation: Any, mode: GenerationMode) -> None:
    @settings(
        max_examples=_EXAMPLES[api.parts.warehouse.engine.dialect.name],
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: schemathesis.Case[Any]) -> None:
        case.headers["Authorization"] = f"Bearer {api.operator_secret}"
        # Its own transport unpacks nothing.
        case.headers["Accept-Encoding"] = "identity"
        case.call_and_validate(checks=_CHECKS)

    ask()
