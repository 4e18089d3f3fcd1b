"""The command ``serve``: the API alone."""

from __future__ import annotations

import click

from src.commands.common import read_settings
from src.commands.web import building_beside


@click.command()
@click.option("--with-parent", is_flag=True, hidden=True, help="End when standard input ends.")
def serve(with_parent: bool) -> None:
    """Serve the API and the web app, beside a scheduler that runs elsewhere; Ctrl-C ends it.

    \b
    Example: CANDLEHOUSE_PORT=8080 ./candlehouse serve
    """
    from src.api.serving import serve as serve_api

    settings = read_settings()
    with building_beside(settings):
        serve_api(settings, click.echo, with_parent=with_parent)
