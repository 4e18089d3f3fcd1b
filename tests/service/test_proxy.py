"""Behind a real nginx with the configuration that docs/api.md recommends: HTTPS and a path of its own."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from urllib.parse import urljoin

import pytest
import requests
from werkzeug.serving import make_server

from src.settings import PROJECT_ROOT
from src.web.place import WebPlace
from tests.api.rig import Api, open_api, settings_for

_CONFIGURATION = """
daemon off;
pid {folder}/nginx.pid;
error_log stderr;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {folder}/cert.pem;
        ssl_certificate_key {folder}/key.pem;
{recommended}
    }}
}}
"""
_PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])


def recommended(api_port: int) -> str:
    """Return what the documentation says, for an API on that port."""
    text = (PROJECT_ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    found = re.search(r"```nginx\n(.*?)```", text, re.DOTALL)
    assert found
    assert found[1].count(":8000/") == 1
    return found[1].replace(":8000/", f":{api_port}/")


@contextmanager
def nginx(folder: Path, api_port: int) -> Iterator[str]:
    """Run nginx; give its address."""
    program = shutil.which("nginx", path=_PATH)
    if program is None:
        if os.environ.get("CI"):
            pytest.fail("CI needs nginx")
        pytest.skip("no nginx here: apt-get install nginx-light")
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    make_certificate(folder)
    text = _CONFIGURATION.format(folder=folder, port=port, recommended=recommended(api_port))
    (folder / "nginx.conf").write_text(text)
    command = [program, "-p", str(folder), "-e", "stderr", "-c", str(folder / "nginx.conf")]
    process = subprocess.Popen(command)
    try:
        wait_for(port)
        yield f"https://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)


def make_certificate(folder: Path) -> None:
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=nginx"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    subprocess.run([*command, *files], check=True, capture_output=True)


def wait_for(port: int) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except ConnectionRefusedError:
            assert time.monotonic() < deadline
            time.sleep(0.05)


@contextmanager
def proxied(folder: Path) -> Iterator[tuple[Api, str]]:
    """Run an API and nginx before it; give both, nginx by its address."""
    place = WebPlace(folder / "frontend")
    (place.dist / "assets").mkdir(parents=True)
    (place.dist / "assets" / "main-1a.js").write_text("candles")
    page = '<head><base href="/"><script src="./assets/main-1a.js"></script></head>'
    (place.dist / "index.html").write_text(page)
    with open_api(settings_for(folder / "data", trusted_proxies="127.0.0.1"), place) as api:
        server = make_server("127.0.0.1", 0, api.app, threaded=True)
        thread = Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            with nginx(folder, server.server_port) as address:
                yield api, address
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


def test_recommended_proxy_gives_https_a_sub_path_and_sessions(tmp_path: Path) -> None:
    with proxied(tmp_path) as (api, address), requests.Session() as browser:
        browser.trust_env = False
        browser.verify = str(tmp_path / "cert.pem")
        base = f"{address}/candles"
        assert browser.get(f"{base}/health/ready", timeout=30).json() == {"ok": True}
        assert browser.get(f"{base}/api/symbols", timeout=30).status_code == 401
        opened = browser.get(f"{base}/?token={api.operator_secret}", timeout=30, allow_redirects=False)
        assert opened.headers["Location"] == "/candles/"
        cookie = opened.headers["Set-Cookie"]
        assert "Secure" in cookie
        assert "Path=/candles" in cookie
        assert browser.get(f"{base}/api/symbols", timeout=30).json()["symbols"] == []
        for origin, status in {address: 201, "http://127.0.0.1": 403}.items():
            made = browser.post(
                f"{base}/api/tokens", json={"name": "x"}, headers={"Origin": origin}, timeout=30
            )
            assert made.status_code == status
        page = browser.get(f"{base}/api/docs", timeout=30).text
        assets = re.findall(r'(?:src|href|data-document)="([^"]+)"', page)
        assert [browser.get(address + each, timeout=30).status_code for each in assets] == [200] * 4


def test_web_app_loads_below_the_sub_path(tmp_path: Path) -> None:
    with proxied(tmp_path) as (_, address), requests.Session() as browser:
        browser.trust_env = False
        browser.verify = str(tmp_path / "cert.pem")
        page = browser.get(f"{address}/candles/runs/12", headers={"Accept": "text/html"}, timeout=30)
        base, script = re.findall(r'(?:href|src)="([^"]+)"', page.text)
        assert base == "/candles/"
        loaded = browser.get(urljoin(urljoin(page.url, base), script), timeout=30)
        assert loaded.text == "candles"
        assert "immutable" in loaded.headers["Cache-Control"]
