"""The web app, served: its page at each address, its files, and what is there while it is not built."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest

from src.web.place import WebPlace
from src.web.progress import Step, alone, tell
from tests.api.rig import Api, Client, open_api, settings_for

PAGE = '<!doctype html><html><head><base href="/"><title>x</title></head><body>candles</body></html>'
SCRIPT = "console.log('candles');" * 100
AS_BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.fixture
def place(tmp_path: Path) -> WebPlace:
    """Return a web app that is built."""
    place = WebPlace(tmp_path / "frontend")
    (place.dist / "assets").mkdir(parents=True)
    (place.root / "package-lock.json").write_text("{}")
    (place.root / "secret.txt").write_text("a source")
    (place.dist / "index.html").write_text(PAGE)
    (place.dist / "favicon.svg").write_text("<svg/>")
    (place.dist / ".built-of").write_text("0")
    (place.dist / "assets" / "index-1a2b.js").write_text(SCRIPT)
    (place.dist / "assets" / "index-1a2b.js.gz").write_bytes(gzip.compress(SCRIPT.encode()))
    (place.dist / "assets" / "style-3c.css").write_text("p{}")
    return place


@pytest.fixture
def api(tmp_path: Path, place: WebPlace) -> Iterator[Api]:
    with open_api(settings_for(tmp_path / "data"), place) as opened:
        yield opened


@pytest.fixture
def browser(api: Api) -> Client:
    return Client(api.app.test_client(), dict(AS_BROWSER))


@pytest.mark.parametrize(
    "path", ["/", "/?sort=price", "/runs/12", "/settings", "/start", "/data?symbol=BTCUSDT"]
)
def test_page_is_at_each_address_of_the_app(browser: Client, path: str) -> None:
    answer = browser.get(path)
    assert (answer.status_code, answer.mimetype) == (200, "text/html")
    assert answer.get_data(as_text=True) == PAGE
    assert answer.headers["Cache-Control"] == "no-cache"


def test_page_may_load_from_here_alone_and_be_framed_by_nobody(browser: Client) -> None:
    headers = browser.get("/analytics").headers
    policy = dict(one.strip().split(" ", 1) for one in headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == policy["connect-src"] == policy["base-uri"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    assert "script-src" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_page_is_not_sent_again_while_it_is_the_same(browser: Client, place: WebPlace) -> None:
    etag = browser.get("/").headers["ETag"]
    again = browser.get("/runs/1", headers={"If-None-Match": etag})
    assert (again.status_code, again.get_data()) == (304, b"")
    (place.dist / "index.html").write_text(PAGE.replace("candles", "newer"))
    assert browser.get("/", headers={"If-None-Match": etag}).status_code == 200


def test_page_without_a_base_gets_one(browser: Client, place: WebPlace) -> None:
    (place.dist / "index.html").write_text("<html><head lang=en><title>x</title></head></html>")
    assert '<head lang=en><base href="/"><title>' in browser.get("/").get_data(as_text=True)


def test_prefix_of_a_trusted_proxy_alone_is_in_the_page(tmp_path: Path, place: WebPlace) -> None:
    given = {**AS_BROWSER, "X-Forwarded-Prefix": "/candles<"}
    for trusted, expected in (
        ("127.0.0.1", '<base href="/candles&lt;/">'),
        ("10.0.0.1", '<base href="/">'),
    ):
        with open_api(settings_for(tmp_path / "data", trusted_proxies=trusted), place) as api:
            assert expected in api.anybody.get("/runs/3", headers=given).get_data(as_text=True)


def test_files_with_a_hash_in_their_name_stay_for_ever(browser: Client) -> None:
    answer = browser.get("/assets/style-3c.css", headers={"Accept": "text/css,*/*;q=0.1"})
    assert (answer.status_code, answer.mimetype) == (200, "text/css")
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"


def test_packed_copy_goes_to_who_understands_it(browser: Client) -> None:
    packed = browser.get("/assets/index-1a2b.js", headers={"Accept-Encoding": "gzip, br"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert packed.mimetype == "text/javascript"
    assert gzip.decompress(packed.get_data()).decode() == SCRIPT
    plain = browser.get("/assets/index-1a2b.js", headers={"Accept-Encoding": "gzip;q=0"})
    assert "Content-Encoding" not in plain.headers
    assert plain.get_data(as_text=True) == SCRIPT
    assert "Accept-Encoding" in plain.headers["Vary"]


def test_other_files_of_the_build_are_asked_about_each_time(browser: Client) -> None:
    answer = browser.get("/favicon.svg", headers={"Accept": "image/*"})
    assert (answer.mimetype, answer.headers["Cache-Control"]) == ("image/svg+xml", "no-cache")


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.txt",
        "/assets/../../secret.txt",
        "/assets/..%2f..%2fsecret.txt",
        "/%2e%2e/secret.txt",
        "/assets//etc/passwd",
        "/assets/..\\..\\secret.txt",
        "/secret.txt%00.js",
        "/.built-of",
        "/assets",
        "/assets/gone.js",
    ],
)
def test_nothing_but_what_was_built_is_served(api: Api, path: str) -> None:
    answer = api.anybody.get(path, headers={"Accept": "*/*"})
    assert answer.status_code in (308, 404), path
    assert b"source" not in answer.get_data()


def test_link_out_of_the_built_folder_leads_nowhere(api: Api, place: WebPlace) -> None:
    (place.dist / "assets" / "out.txt").symlink_to(place.root / "secret.txt")
    assert api.anybody.get("/assets/out.txt").status_code == 404


@pytest.mark.parametrize("path", ["/api/nothing", "/health/nothing", "/metrics/nothing"])
def test_wrong_address_of_the_api_is_a_problem_even_in_a_browser(browser: Client, path: str) -> None:
    for method in ("GET", "POST"):
        answer = browser.ask(method, path)
        assert (answer.status_code, answer.mimetype) == (404, "application/problem+json")


def test_programs_and_scripts_get_no_page_in_place_of_what_is_not_there(api: Api) -> None:
    assert api.anybody.get("/runs/1", headers={"Accept": "application/json"}).status_code == 404
    assert api.anybody.get("/old-chunk.js", headers={"Accept": "*/*"}).status_code == 404
    assert api.anybody.post("/runs/1", headers=AS_BROWSER).status_code == 404
    assert api.anybody.get("/api/login").status_code == 405


def test_page_is_only_under_names_of_ours(browser: Client) -> None:
    assert browser.get("/runs/1", headers={"Host": "evil.example"}).status_code == 403


def test_link_of_the_first_start_leads_to_the_page(api: Api) -> None:
    browser = Client(api.app.test_client(), dict(AS_BROWSER))
    opened = browser.get(f"/?token={api.operator_secret}")
    assert (opened.status_code, opened.headers["Location"]) == (302, "/")
    assert browser.get(opened.headers["Location"]).get_data(as_text=True) == PAGE


def test_page_is_there_while_the_warehouse_is_away(
    tmp_path: Path, place: WebPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_api(settings_for(tmp_path / "data"), place) as api:
        monkeypatch.setattr(api.parts.warehouse, "read", lambda: pytest.fail("the warehouse was asked"))
        monkeypatch.setattr(api.parts.warehouse, "run", lambda _: pytest.fail("the warehouse was asked"))
        assert api.anybody.get("/runs/1", headers=AS_BROWSER).status_code == 200
        assert api.anybody.get("/assets/index-1a2b.js").status_code == 200


class TestWaiting:
    """What is shown while there is no page."""

    @pytest.fixture(autouse=True)
    def unbuilt(self, place: WebPlace) -> None:
        place.work.mkdir()
        (place.dist / "index.html").unlink()

    def words(self, browser: Client) -> str:
        answer = browser.get("/runs/1")
        assert (answer.status_code, answer.headers["Cache-Control"]) == (503, "no-store")
        text = answer.get_data(as_text=True)
        assert "<script" not in text
        assert 'http-equiv="refresh"' in text
        assert 'href="/api/docs"' in text
        return text

    def test_before_a_build(self, browser: Client) -> None:
        assert "./candlehouse web build" in self.words(browser)

    @pytest.mark.parametrize(("step", "told"), [(Step.INSTALLING, "packages"), (Step.BUILDING, "Step 2")])
    def test_during_a_build_until_its_process_is_gone(
        self, browser: Client, place: WebPlace, step: Step, told: str
    ) -> None:
        with alone(place):
            tell(place, step)
            place.log.write_text("added 12 packages <b>")
            text = self.words(browser)
            assert told in text
            assert "added 12 packages &lt;b&gt;" in text
        assert "not built yet" in self.words(browser)

    def test_after_a_failure(self, browser: Client, place: WebPlace) -> None:
        tell(place, Step.FAILED, "npm ci failed: status 1")
        place.log.write_text("ENOTFOUND")
        text = self.words(browser)
        assert "npm ci failed: status 1" in text
        assert "ENOTFOUND" in text
        assert "./candlehouse web build" in text

    def test_without_node(self, browser: Client, place: WebPlace) -> None:
        tell(place, Step.NO_NODE, "there is no npm here; install it")
        assert "There is no npm here; install it." in self.words(browser)

    def test_without_sources(self, browser: Client, place: WebPlace) -> None:
        (place.root / "package-lock.json").unlink()
        assert "came without it" in self.words(browser)

    def test_who_may_not_read_sees_no_log(self, tmp_path: Path, place: WebPlace) -> None:
        tell(place, Step.FAILED, "npm ci failed")
        place.log.write_text("/home/anna")
        with open_api(settings_for(tmp_path / "data", host="0.0.0.0"), place) as api:
            text = api.anybody.get("/", headers=AS_BROWSER).get_data(as_text=True)
        assert "npm ci failed" in text
        assert "/home/anna" not in text
