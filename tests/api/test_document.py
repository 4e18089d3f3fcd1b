"""The OpenAPI document: complete, and true for each example in it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import pytest

from src.settings import PROJECT_ROOT
from src.warehouse import tokens
from src.warehouse.catalog import ObjectState
from src.warehouse.ledger_tables import quality_findings
from src.warehouse.notifications import News, NewsKind, Severity, notify
from src.warehouse.run_tables import runs
from src.warehouse.tables import lake_objects
from src.warehouse.tokens import NewToken
from tests.api.rig import Api

# Not in the document: pages, and the document itself.
UNDOCUMENTED = {"/", "/api/openapi.json", "/api/docs", "/api/docs/start.js", "/api/docs/{name}"}


@pytest.fixture(scope="module")
def document(api: Api) -> dict[str, Any]:
    found: dict[str, Any] = api.anybody.get("/api/openapi.json").json  # type: ignore[assignment]
    return found


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield path, method, operation


def test_every_route_is_documented(api: Api, document: dict[str, Any]) -> None:
    rules = {re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", str(rule)) for rule in api.app.url_map.iter_rules()}
    assert rules - set(document["paths"]) == UNDOCUMENTED


def test_committed_document_is_the_one_served(document: dict[str, Any]) -> None:
    committed = json.loads((PROJECT_ROOT / "frontend" / "openapi.json").read_text(encoding="utf-8"))
    assert committed == document, "the API has changed: `make api-types`, and commit what it writes"


def test_every_operation_explains_itself_and_its_parameters(document: dict[str, Any]) -> None:
    for path, method, operation in operations(document):
        assert operation["summary"].endswith("."), (method, path)
        for parameter in operation.get("parameters", []):
            assert parameter.get("description"), (method, path, parameter["name"])
        assert any(status.startswith("2") for status in operation["responses"]), (method, path)


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    assert referred(document) <= set(document["components"]["schemas"])


def test_names_of_operations_are_unique(document: dict[str, Any]) -> None:
    names = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(names) == len(set(names))


# Their form depends on the kind of run or job, or on the exchange.
OPEN_FIELDS = {
    "RunOut.parameters",
    "RunDetailsOut.parameters",
    "RunDetailsOut.result",
    "JobOut.parameters",
    "RequestOut.params",
}


def test_answers_leave_no_type_open(document: dict[str, Any]) -> None:
    """Generated clients know each field: what it is, and that it is always there."""
    schemas = document["components"]["schemas"]
    opened = set()
    for name in answered(document):
        properties = schemas[name].get("properties", {})
        assert set(schemas[name].get("required", [])) == set(properties), name
        opened |= {f"{name}.{field}" for field, about in properties.items() if is_open(about)}
    assert opened == OPEN_FIELDS


def answered(document: dict[str, Any]) -> set[str]:
    """Return the names of all schemas that answers are made of."""
    schemas = document["components"]["schemas"]
    found: set[str] = set()
    ahead = set()
    for path, method, operation in operations(document):
        for status, answer in operation["responses"].items():
            if status.startswith("2"):
                told = answer["content"].get("application/json", {}).get("schema")
                assert told is None or "$ref" in told, (method, path)
                ahead |= referred(told)
    while ahead := ahead - found:
        found |= ahead
        ahead = set().union(*(referred(schemas[name]) for name in ahead))
    return {name for name in found if "enum" not in schemas[name]}


def referred(schema: Any) -> set[str]:
    return set(re.findall(r"#/components/schemas/([\w.]+)", str(schema)))


def is_open(schema: dict[str, Any]) -> bool:
    """Whether a schema lets anything pass, somewhere within it."""
    if "$ref" in schema or "enum" in schema or "const" in schema:
        return False
    if "anyOf" in schema:
        return any(map(is_open, schema["anyOf"]))
    kind = schema.get("type")
    if kind == "array":
        items = schema.get("prefixItems") or [schema.get("items", {})]
        return any(map(is_open, items))
    if kind == "object":
        values = schema.get("additionalProperties")
        return not isinstance(values, dict) or is_open(values)
    return kind is None


def test_every_example_of_reading_works(api: Api, document: dict[str, Any]) -> None:
    tried = 0
    for path, method, operation in operations(document):
        if method != "get" or "x-stream" in operation:
            continue
        url, query = example_of(path, operation)
        answer = api.operator.get(url, query_string=query)
        assert answer.status_code == 200, (url, query, answer.get_data(as_text=True)[:500])
        tried += 1
    assert tried >= 6


def example_of(path: str, operation: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the URL and query that the examples of an operation's parameters make."""
    query = {}
    for parameter in operation.get("parameters", []):
        example = parameter.get("example", parameter["schema"].get("example"))
        if parameter["in"] == "path":
            assert example is not None, f"{path} needs an example for {parameter['name']}"
            path = path.replace("{" + parameter["name"] + "}", str(example))
        elif example is not None:
            query[parameter["name"]] = example
    return path, query


def test_every_example_of_a_change_does_what_it_says(trading_api: Api, document: dict[str, Any]) -> None:
    for path, method, operation in operations(document):
        if method == "get":
            continue
        name = operation["operationId"]
        if arrange := ARRANGED.get(name):
            arrange(trading_api)
        url, query = example_of(path, operation)
        body = example_body(document, operation)
        if name == "login":  # nobody knows the token of the example
            body = {"token": trading_api.operator_secret}
        answer = trading_api.operator.ask(method.upper(), url, query_string=query, json=body)
        told = (method, url, query, body, answer.get_data(as_text=True)[:500])
        assert 200 <= answer.status_code < 300, told
        if name == "revoke_token":  # it is the one that the others are asked with
            trading_api.operator_secret = renewed(trading_api)


def renewed(api: Api) -> str:
    secret = tokens.make_secret()
    new = NewToken("another", "operator", "test")
    api.parts.warehouse.run(lambda connection: tokens.add_token(connection, new, secret))
    return secret


def arranged(*statements: Any) -> Callable[[Api], None]:
    """Return what executes these in the warehouse of an API."""

    def arrange(api: Api) -> None:
        with api.parts.warehouse.write() as connection:
            for statement in statements:
                connection.execute(statement)

    return arrange


_ODD = {"series_id": 1, "date": date(2026, 1, 9), "kind": "stale", "severity": "info", "findings": 1}
_NEWS = News(NewsKind.RUN_FAILED, "job:cycle", Severity.ERROR, "It failed", "")
_FAILED = runs.update().values(state="failed", error_kind="transient", wish=None)
# What must be there before an example can do something: a run that waits, one that failed, and so on.
ARRANGED: dict[str, Callable[[Api], Any]] = {
    "pause_run": lambda api: api.operator.post("/api/data-ingestion/resume/1"),
    "retry_run": arranged(_FAILED),
    "retry_batch": arranged(_FAILED),
    "acknowledge": arranged(quality_findings.insert().values(id=1, detail="odd", **_ODD)),
    "retry_quarantined": arranged(
        lake_objects.update().where(lake_objects.c.id == 1).values(state=ObjectState.QUARANTINED.value)
    ),
    "read_notification": lambda api: api.parts.warehouse.run(lambda connection: notify(connection, _NEWS)),
    # Nobody is there, which is what the answer says then.
    "test_notifications": lambda api: api.operator.put(
        "/api/config/settings", json={"values": {"notify_urls": "json://127.0.0.1:9/"}}
    ),
}


def example_body(document: dict[str, Any], operation: dict[str, Any]) -> dict[str, Any] | None:
    """Return what the examples of a body's fields make; None where there is no body."""
    if "requestBody" not in operation:
        return None
    name = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
    schema = document["components"]["schemas"][name]
    if "example" in schema:
        example: dict[str, Any] = schema["example"]
        return example
    fields = schema.get("properties", {})
    return {field: about["example"] for field, about in fields.items() if "example" in about}


def test_documentation_is_a_page_with_everything_it_needs(api: Api) -> None:
    page = api.anybody.get("/api/docs")
    assert page.mimetype == "text/html"
    needed = re.findall(r'(?:src|href|data-document)="([^"]+)"', page.get_data(as_text=True))
    assert len(needed) == 4
    for address in needed:
        assert address.startswith("/api/")
        with api.anybody.get(address) as answer:
            assert answer.status_code == 200
    assert api.anybody.get("/api/docs/../app.py").status_code == 404
    assert api.anybody.get("/api/docs/..%2f..%2f__init__.py").status_code == 404
