"""The routes, a file for each group; a new group is listed here."""

from __future__ import annotations

from src.api.routing import Routes


def blueprints() -> list[Routes]:
    """Return all groups, in the order in which the document shows them."""
    from src.api.routes import (  # noqa: PLC0415 - they import what is beside them
        bootstrap,
        candles,
        config,
        coverage,
        dashboard,
        events,
        exchanges,
        exports,
        gaps,
        health,
        ingestion,
        lineage,
        market,
        market_changes,
        metrics,
        notifications,
        objects,
        pipeline,
        proven,
        quality,
        runs,
        scheduler,
        series_status,
        settings,
        storage,
        symbols,
        system,
        system_health,
        tokens,
        upkeep,
    )

    return [
        symbols.routes,
        candles.routes,
        market.routes,
        dashboard.routes,
        pipeline.routes,
        storage.routes,
        coverage.routes,
        lineage.routes,
        objects.routes,
        quality.routes,
        proven.routes,
        exports.routes,
        ingestion.routes,
        series_status.routes,
        runs.routes,
        events.routes,
        gaps.routes,
        upkeep.routes,
        scheduler.routes,
        config.routes,
        settings.routes,
        bootstrap.routes,
        exchanges.routes,
        market_changes.routes,
        notifications.routes,
        tokens.routes,
        system.routes,
        system_health.routes,
        health.routes,
        metrics.routes,
    ]
