"""The page in place of the web app while that is being built, or cannot be: what goes on, and what to do.

It looks again by itself and needs no script.
"""

from __future__ import annotations

from html import escape

from flask import Response

from src.web.place import WebPlace
from src.web.progress import Progress, Step, read, read_tail

_SOON_S, _LATER_S = 3, 15
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="refresh" content="{again_s}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Candlehouse</title>
<style>
body {{ margin: 0; min-height: 100vh; display: grid; place-items: center;
  font: 16px/1.6 system-ui, sans-serif; color: #1d2430; background: #f4f5f7; }}
main {{ box-sizing: border-box; width: min(38rem, 100%); padding: 2.5rem; }}
h1 {{ margin: 0 0 1.5rem; font-size: 1.1rem; letter-spacing: .02em; }}
h2 {{ margin: 0 0 .5rem; font-size: 1.6rem; line-height: 1.25; }}
p {{ margin: .5rem 0; }}
a {{ color: #1f5fbf; }}
code, pre {{ font: .85rem/1.5 ui-monospace, monospace; }}
code {{ padding: .1rem .3rem; border-radius: .25rem; background: #e4e7ec; }}
pre {{ max-height: 16rem; overflow: auto; padding: 1rem; border-radius: .5rem; background: #e4e7ec;
  white-space: pre-wrap; overflow-wrap: anywhere; }}
footer {{ margin-top: 2rem; color: #5b6472; }}
@media (prefers-color-scheme: dark) {{
  body {{ color: #e4e7ec; background: #14181f; }}
  a {{ color: #7fb0ff; }}
  code, pre {{ background: #222832; }}
  footer {{ color: #97a1b1; }}
}}
</style>
</head>
<body>
<main>
<h1>Candlehouse</h1>
<h2>{heading}</h2>
{paragraphs}
<footer>Collecting goes on meanwhile, and so does the API: <a href="{prefix}/api/docs">browse it</a>.
This page looks again every {again_s} seconds.</footer>
</main>
</body>
</html>
"""
_BY_HAND = "To try again: <code>./candlehouse web build</code>, or start Candlehouse again."


def waiting_page(place: WebPlace, prefix: str, *, shows_log: bool) -> Response:
    """Return the page below *prefix*; npm's own words are in it for those alone who may read here."""
    progress = read(place)
    heading, paragraphs = _words(place, progress)
    if shows_log and progress.step is not Step.NO_NODE and (tail := read_tail(place)):
        paragraphs.append(f"<pre>{escape(tail)}</pre>")
    text = _PAGE.format(
        heading=heading,
        paragraphs="\n".join(f"<p>{one}</p>" if one[:1] != "<" else one for one in paragraphs),
        prefix=escape(prefix, quote=True),
        again_s=_SOON_S if progress.step.is_under_way else _LATER_S,
    )
    headers = {"Cache-Control": "no-store", "Retry-After": str(_SOON_S)}
    return Response(text, 503, headers=headers, mimetype="text/html")


def _words(place: WebPlace, progress: Progress) -> tuple[str, list[str]]:
    """Return a heading and paragraphs, as HTML."""
    said = escape(progress.said)
    match progress.step:
        case Step.INSTALLING:
            what = "Step 1 of 2: installing its packages. Once; a minute or so."
            return "The web app is being built", [what]
        case Step.BUILDING:
            return "The web app is being built", ["Step 2 of 2: building. A few seconds more."]
        case Step.FAILED:
            return "The web app could not be built", [said, _BY_HAND]
        case Step.NO_NODE:
            return "The web app needs Node.js to be built", [said[:1].upper() + said[1:] + "."]
    if not place.has_sources:
        return "There is no web app here", ["This copy of Candlehouse came without it."]
    return "The web app is not built yet", [
        "It is built in the background, soon after collecting has begun.",
        "To have it now, or where that is turned off: <code>./candlehouse web build</code>",
    ]
