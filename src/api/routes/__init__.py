"""The routes, a file for each group; a new group is listed here."""

from __future__ import annotations

from src.api.routing import Routes


def blueprints() -> list[Routes]:
    """Return all groups, in the order in which the document shows them."""
    from src.api.routes import (  # noqa: PLC0415 - they import what is beside them
        bootstrap,
        candles,
        config,
        events,
        exchanges,
        exports,
        gaps,
        health,
        ingestion,
        market,
        metrics,
        notifications,
        pipeline,
        proof,
        proven,
        runs,
        scheduler,
        symbols,
        system_health,
        tokens,
        upkeep,
    )

    return [
        symbols.routes,
        candles.routes,
        market.routes,
        pipeline.routes,
        proof.routes,
        proven.routes,
        exports.routes,
        ingestion.routes,
        runs.routes,
        events.routes,
        gaps.routes,
        upkeep.routes,
        scheduler.routes,
        config.routes,
        bootstrap.routes,
        exchanges.routes,
        notifications.routes,
        tokens.routes,
        system_health.routes,
        health.routes,
        metrics.routes,
    ]
