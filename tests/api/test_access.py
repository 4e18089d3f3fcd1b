"""Who may do what: each rule is tried by somebody who may not."""

from __future__ import annotations

import stat
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import TestResponse

from src.api.operator_token import token_file
from src.domain import DAY_MS, HOUR_MS
from src.warehouse import tokens
from src.warehouse.audit import list_audit
from src.warehouse.tokens import NewToken
from tests.api.rig import Api, Client, open_api, settings_for

# Routes that need nobody's token.
OPEN_TO_ALL = {"/api/login", "/api/logout"}


def changing_routes(api: Api) -> list[tuple[str, str]]:
    """List method and path of all routes that change something, with plausible values in the path."""
    found = []
    for rule in api.app.url_map.iter_rules():
        path = str(rule)
        for argument in rule.arguments:
            path = path.replace(f"<{argument}>", "BTCUSDT" if argument == "symbol" else "1")
        found += [(method, path) for method in sorted((rule.methods or set()) - {"GET", "HEAD", "OPTIONS"})]
    return found


def ask(client: Client, method: str, path: str, **headers: str) -> TestResponse:
    return client.ask(method, path, headers=headers, json={})


def test_every_changing_route_needs_an_operator(api: Api) -> None:
    routes = [route for route in changing_routes(api) if route[1] not in OPEN_TO_ALL]
    assert len(routes) >= 2
    for method, path in routes:
        if needed_role(api, path, method) == "viewer":
            continue
        assert ask(api.anybody, method, path).status_code in (401, 429), (method, path)
        assert ask(api.viewer, method, path).status_code == 403, (method, path)


def needed_role(api: Api, path: str, method: str) -> str:
    endpoint, _ = api.app.url_map.bind("localhost").match(path, method=method)
    return getattr(api.app.view_functions[endpoint], "needed_role", "operator")


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:9999"},
        {"Origin": "https://localhost"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
    ids=str,
)
def test_no_changing_route_listens_to_another_origin(api: Api, headers: dict[str, str]) -> None:
    for method, path in changing_routes(api):
        answer = ask(api.operator, method, path, **headers)
        assert (answer.status_code, answer.json["type"].split(":")[-1]) == (403, "foreign-origin"), path  # type: ignore[index]


def test_own_origin_is_listened_to(own_api: Api) -> None:
    made = own_api.operator.post("/api/tokens", json={"name": "x"}, headers={"Origin": "http://localhost"})
    assert made.status_code == 201
    assert own_api.operator.post("/api/tokens", json={"name": "x"}).status_code == 201


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "192.168.1.4", "[::2]", "a@b", ""]
)
def test_foreign_host_is_refused_for_reading_and_changing(api: Api, host: str) -> None:
    for answer in (
        api.operator.get("/api/symbols", headers={"Host": host}),
        api.operator.post("/api/tokens", json={"name": "x"}, headers={"Host": host}),
        api.anybody.get("/health/live", headers={"Host": host}),
    ):
        assert answer.status_code == 403


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8000", "127.0.0.1:8000", "[::1]:8000"])
def test_names_of_this_machine_are_known(api: Api, host: str) -> None:
    assert api.anybody.get("/api/symbols", headers={"Host": host}).status_code == 200


def test_bound_elsewhere_reading_needs_a_viewer_and_health_does_not(own_folder: Path) -> None:
    with open_api(settings_for(own_folder, host="0.0.0.0", allowed_hosts="candles.example")) as api:
        assert api.anybody.get("/api/symbols").status_code == 401
        assert api.viewer.get("/api/symbols").status_code == 200
        assert api.anybody.get("/health/ready").json == {"ok": True}
        assert api.anybody.get("/api/session").json == {
            "name": None,
            "role": None,
            "logged_in": False,
            "reading_is_open": False,
        }
        for host, status in {"candles.example": 200, "192.168.1.4": 200, "evil.example": 403}.items():
            assert api.viewer.get("/api/symbols", headers={"Host": host}).status_code == status


def test_revoked_token_fails_at_once_with_its_sessions(own_api: Api) -> None:
    made = own_api.operator.post("/api/tokens", json={"name": "anna", "role": "operator"}).json
    assert made is not None
    anna, browser = own_api.bearing(made["token"]), own_api.browser
    assert browser.post("/api/login", json={"token": made["token"]}).status_code == 200
    assert anna.get("/api/tokens").status_code == 200
    assert browser.get("/api/tokens").status_code == 200
    assert own_api.operator.delete(f"/api/tokens/{made['details']['id']}").status_code == 200
    assert anna.get("/api/tokens").status_code == 401
    assert anna.get("/api/symbols").status_code == 401
    assert browser.get("/api/tokens").status_code == 401
    assert browser.get("/api/session").json["logged_in"] is False  # type: ignore[index]


def test_token_ends_by_itself(own_api: Api) -> None:
    now_ms, secret = own_api.parts.clock.now_ms(), tokens.make_secret()
    new = NewToken("brief", "viewer", expires_at_ms=now_ms - 1)
    own_api.parts.warehouse.run(lambda connection: tokens.add_token(connection, new, secret))
    assert own_api.bearing(secret).get("/api/symbols").status_code == 401
    refused = own_api.operator.post("/api/tokens", json={"name": "x", "expires": "2020-01-01"})
    assert refused.status_code == 422


def test_session_lives_in_a_cookie_no_script_reads_and_ends_with_logout(own_api: Api) -> None:
    browser = own_api.browser
    answer = browser.post("/api/login", json={"token": own_api.operator_secret})
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert own_api.operator_secret not in cookie
    kept = cookie.partition("=")[2].partition(";")[0]
    assert browser.post("/api/tokens", json={"name": "x"}).status_code == 201
    assert browser.post("/api/logout").status_code == 200
    name = cookie.partition("=")[0]
    stolen = own_api.anybody.get("/api/tokens", headers={"Cookie": f"{name}={kept}"})
    assert stolen.status_code == 401


def test_session_is_no_token_and_opens_no_other_session(own_api: Api) -> None:
    answer = own_api.browser.post("/api/login", json={"token": own_api.operator_secret})
    kept = answer.headers["Set-Cookie"].partition("=")[2].partition(";")[0]
    assert own_api.bearing(kept).get("/api/tokens").status_code == 401
    assert own_api.browser.post("/api/login", json={"token": kept}).status_code == 401


def test_link_of_the_first_start_opens_a_session_and_takes_the_token_off_the_address(own_api: Api) -> None:
    browser = own_api.browser
    answer = browser.get(f"/?token={own_api.operator_secret}")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/")
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert browser.get("/api/session").json["role"] == "operator"  # type: ignore[index]
    assert own_api.browser.get("/?token=wrong").status_code == 401


def test_guessing_is_slowed_down_and_sessions_go_on(own_api: Api) -> None:
    browser = own_api.browser
    browser.post("/api/login", json={"token": own_api.operator_secret})
    answers = [own_api.bearing(f"guess {at}").get("/api/symbols") for at in range(12)]
    assert [answer.status_code for answer in answers] == [401] * 10 + [429] * 2
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 60
    assert browser.get("/api/tokens").status_code == 200


def test_valid_token_works_however_much_is_guessed_from_its_address(own_api: Api) -> None:
    answers = [own_api.bearing(f"guess {at}").get("/api/symbols") for at in range(12)]
    assert answers[-1].status_code == 429
    assert own_api.viewer.get("/api/symbols").status_code == 200
    login = own_api.browser.post("/api/login", json={"token": own_api.operator_secret})
    assert login.status_code == 200
    assert own_api.bearing("guess 12").get("/api/symbols").status_code == 429


def test_what_changes_and_who_is_refused_is_written_down_without_secrets(own_api: Api) -> None:
    own_api.operator.post("/api/tokens?x=secret-in-query", json={"name": "anna"})
    own_api.operator.post("/api/tokens", json={"name": "anna"})
    own_api.viewer.delete("/api/tokens/1")
    own_api.anybody.post("/api/login", json={"token": "wrong-secret"})
    own_api.operator.get("/api/tokens")
    rows = own_api.operator.get("/api/audit").json["entries"]  # type: ignore[index]
    told = [(row["actor"], row["method"], row["path"], row["status"], row["detail"]) for row in rows]
    made = next(row for row in own_api.operator.get("/api/tokens").json["tokens"] if row["name"] == "anna")  # type: ignore[index]
    assert told == [
        ("nobody", "POST", "/api/login", 401, None),
        ("eve", "DELETE", "/api/tokens/1", 403, None),
        ("operator", "POST", "/api/tokens", 201, f"made token {made['id']} (anna, viewer)"),
        ("operator", "POST", "/api/tokens", 422, None),
    ]
    assert "secret" not in str(rows)


def test_a_plan_is_no_news_to_the_log_and_who_is_refused_one_is(own_api: Api) -> None:
    assert own_api.operator.post("/api/data-ingestion/plan", json={}).status_code == 422
    assert own_api.viewer.post("/api/data-ingestion/plan", json={}).status_code == 403
    rows = own_api.operator.get("/api/audit").json["entries"]  # type: ignore[index]
    assert [(row["actor"], row["status"]) for row in rows] == [("eve", 403)]


def test_refusals_do_not_flood_the_log(own_api: Api) -> None:
    for _ in range(50):
        own_api.anybody.post("/api/tokens", json={})
    with own_api.parts.warehouse.read() as connection:
        assert len(list_audit(connection, 100)) == 30


def test_audit_log_is_read_page_by_page(own_api: Api) -> None:
    for _ in range(3):
        own_api.operator.post("/api/tokens", json={"name": "x"})
    seen, path = [], "/api/audit?limit=2"
    page: Any = own_api.operator.get(path).json
    while page:
        seen += [entry["id"] for entry in page["entries"]]
        more = page["next_cursor"]
        page = own_api.operator.get(f"{path}&cursor={more}").json if more else None
    assert len(seen) == 3
    assert seen == sorted(seen, reverse=True)


def test_use_of_a_token_is_remembered(own_api: Api) -> None:
    for _ in range(2):
        own_api.viewer.get("/api/symbols").close()
    listed = own_api.operator.get("/api/tokens").json["tokens"]  # type: ignore[index]
    used_ms = next(row["last_used_ms"] for row in listed if row["name"] == "eve")
    assert 0 <= own_api.parts.clock.now_ms() - used_ms < HOUR_MS


# --- the operator's first token ---


def test_first_token_is_in_a_file_that_others_cannot_read(own_api: Api) -> None:
    path = token_file(own_api.parts.settings)
    assert path.read_text().strip() == own_api.operator_secret
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_first_token_stays_and_is_followed_by_another_once_revoked(own_folder: Path) -> None:
    settings = settings_for(own_folder)
    with open_api(settings) as first:
        secret = first.operator_secret
    with open_api(settings) as second:
        assert second.operator_secret == secret
        token_id = _id_of(second, "operator")
        assert second.operator.delete(f"/api/tokens/{token_id}").status_code == 200
    with open_api(settings) as third:
        assert third.operator_secret != secret
        assert third.operator.get("/api/tokens").status_code == 200
        assert third.bearing(secret).get("/api/tokens").status_code == 401


def test_token_of_the_environment_counts_and_ends_with_it(own_folder: Path) -> None:
    chosen, other = "sixteen characters", "another of sixteen"
    with open_api(settings_for(own_folder, token=chosen)) as api:
        assert api.bearing(chosen).get("/api/tokens").status_code == 200
        answer = api.bearing(chosen).delete(f"/api/tokens/{_id_of(api, 'operator', chosen)}")
        assert (answer.status_code, "CANDLEHOUSE_TOKEN" in answer.json["detail"]) == (409, True)  # type: ignore[index]
    with open_api(settings_for(own_folder, token=other)) as api:
        assert api.bearing(chosen).get("/api/tokens").status_code == 401
        assert api.bearing(other).get("/api/tokens").status_code == 200
    with open_api(settings_for(own_folder)) as api:
        assert api.bearing(other).get("/api/tokens").status_code == 401
    with open_api(settings_for(own_folder, token=chosen)) as api:
        assert api.bearing(chosen).get("/api/tokens").status_code == 200


def _id_of(api: Api, name: str, secret: str | None = None) -> int:
    listed: Any = api.bearing(secret or api.operator_secret).get("/api/tokens").json
    return int(next(row["id"] for row in listed["tokens"] if row["name"] == name))


# --- behind a proxy, and from other pages ---


def test_forwarded_headers_count_from_trusted_proxies_alone(own_folder: Path) -> None:
    forwarded = {
        "X-Forwarded-For": "203.0.113.9",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "candles.example",
        "X-Forwarded-Prefix": "/candles",
    }
    settings = settings_for(own_folder, trusted_proxies="127.0.0.1", allowed_hosts="candles.example")
    with open_api(settings) as api:
        login = {"json": {"token": api.operator_secret}}
        answer = api.browser.post("/api/login", headers=forwarded, **login)
        cookie = answer.headers["Set-Cookie"]
        assert "Secure" in cookie
        assert "Path=/candles" in cookie
        assert "Strict-Transport-Security" in answer.headers
        for origin, status in {"https://candles.example": 201, "http://candles.example": 403}.items():
            headers = {**forwarded, "Origin": origin}
            made = api.operator.post("/api/tokens", json={"name": "x"}, headers=headers)
            assert made.status_code == status
        docs = api.viewer.get("/api/docs", headers=forwarded).get_data(as_text=True)
        assert 'data-document="/candles/api/openapi.json"' in docs
        # Through a proxy everybody is on this machine: nobody reads without a token.
        assert api.anybody.get("/api/symbols", headers=forwarded).status_code == 401
        with api.parts.warehouse.read() as connection:
            assert {row.entry.remote for row in list_audit(connection, 10)} == {"203.0.113.9"}
        stranger = {"REMOTE_ADDR": "198.51.100.7"}
        answer = api.browser.post("/api/login", headers=forwarded, environ_base=stranger, **login)
        assert "Secure" not in answer.headers["Set-Cookie"]


def test_only_origins_that_are_listed_may_read_across(own_folder: Path) -> None:
    page = "https://notes.example"
    with open_api(settings_for(own_folder, cors_origins=page)) as api:
        allowed = api.viewer.get("/api/symbols", headers={"Origin": page}).headers
        assert allowed["Access-Control-Allow-Origin"] == page
        assert "Access-Control-Allow-Credentials" not in allowed
        other = api.viewer.get("/api/symbols", headers={"Origin": "https://evil.example"}).headers
        assert "Access-Control-Allow-Origin" not in other
        made = api.operator.post("/api/tokens", json={"name": "x"}, headers={"Origin": page})
        assert made.status_code == 201
        asked = {"Origin": page, "Access-Control-Request-Method": "POST"}
        preflight = api.anybody.ask("OPTIONS", "/api/tokens", headers=asked)
        assert preflight.status_code == 200
        assert "POST" in preflight.headers["Access-Control-Allow-Methods"]


def test_without_listed_origins_nothing_is_allowed_across(api: Api) -> None:
    headers = api.anybody.get("/api/symbols", headers={"Origin": "https://notes.example"}).headers
    assert not [name for name, _ in headers if name.startswith("Access-Control")]


def test_pages_are_told_to_load_from_here_and_to_be_framed_by_nobody(api: Api) -> None:
    for path in ("/api/symbols", "/api/docs", "/nothing"):
        headers = api.anybody.get(path).headers
        assert "default-src 'self'" in headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"


def test_sessions_that_ended_long_ago_are_forgotten(own_api: Api) -> None:
    warehouse, now_ms = own_api.parts.warehouse, own_api.parts.clock.now_ms()
    with warehouse.read() as connection:
        parent = tokens.find_live(connection, own_api.operator_secret, now_ms)
    assert parent
    for at_ms in (now_ms - 31 * DAY_MS, now_ms - DAY_MS):
        warehouse.run(partial(tokens.add_session, parent=parent, expires_at_ms=at_ms))
    assert warehouse.run(lambda connection: tokens.prune_sessions(connection, now_ms - 30 * DAY_MS)) == 1
