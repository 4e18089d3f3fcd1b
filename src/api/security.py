"""Headers that tell browsers what pages of ours may do: load from here, and be framed by nobody."""

from __future__ import annotations

from typing import Any

# Styles within the page: charts and the API's own documentation set them by script.
_POLICY = (
    "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_ALWAYS = (
    ("Content-Security-Policy", _POLICY),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    # A token may stand in the address for a moment.
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
)
_RESOURCES = "Cross-Origin-Resource-Policy"
_HTTPS_ALONE = ("Strict-Transport-Security", "max-age=31536000")


class SecurityHeaders:
    """Adds them to each answer that does not set them itself.

    Around the application and not after each request: through Flask they would cost a third of its time.
    """

    def __init__(self, app: Any) -> None:
        self._app = app

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        def start(status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
            present = {name for name, _ in headers}
            headers += [header for header in _ALWAYS if header[0] not in present]
            headers.append((_RESOURCES, _reach(present)))
            if environ.get("wsgi.url_scheme") == "https":
                headers.append(_HTTPS_ALONE)
            return start_response(status, headers, *error)

        return self._app(environ, start)


def _reach(present: set[str]) -> str:
    return "cross-origin" if "Access-Control-Allow-Origin" in present else "same-origin"
