"""How large the stores are, and how full their disks."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Literal

import orjson
from flask import Response
from pydantic import Field

from src.api.context import clock, parts, warehouse
from src.api.routing import Routes
from src.api.schemas import Out
from src.warehouse.disk_samples import PLACES, list_samples
from src.warehouse.health import read_server, read_sizes, read_total_bytes
from src.warehouse.tables import metadata
from src.wiring import lake_place, warehouse_place

routes = Routes("storage", "How full the stores are.")

_SAMPLES_MS = 2 * 86_400_000


class PlaceOut(Out):
    """How full a place was when it was looked at last; null where nobody can say."""

    place: Literal["lake", "warehouse"]
    where: str
    at_ms: int | None
    used_bytes: int | None
    objects: int | None
    free_bytes: int | None
    free_inodes: int | None


class TableOut(Out):
    table: str
    rows: int = Field(description="An estimate, on MySQL and MariaDB.")
    size_bytes: int


class ServerOut(Out):
    kind: str
    version: str
    size_bytes: int
    connections: int = Field(description="In use by this API.")
    most_connections: int


class StorageOut(Out):
    places: list[PlaceOut]
    server: ServerOut
    tables: list[TableOut] = Field(description="The largest first; empty where that takes too long to say.")


@routes.get("/api/storage/health", responses={200: StorageOut})
def storage() -> Response:
    """Return how large the stores are and how full their disks were when that was last looked at."""
    now_ms = clock().now_ms()
    where = {"lake": lake_place(parts().settings), "warehouse": warehouse_place(parts().settings)}
    with warehouse().read() as connection:
        samples = {place: list_samples(connection, place, now_ms - _SAMPLES_MS)[-1:] for place in PLACES}
        sizes = read_sizes(connection, list(metadata.tables))
        server, total = read_server(connection), read_total_bytes(connection)
    pool = warehouse().pool_numbers()
    # What the database takes is known at any moment; the rest is as it was when it was looked at.
    known: dict[str, dict[str, Any]] = {"lake": {}, "warehouse": {"used_bytes": total}}
    out = {
        "places": [
            {
                **_NO_SAMPLE,
                "where": where[place],
                **(asdict(found[0]) if found else {"place": place}),
                **known[place],
            }
            for place, found in samples.items()
        ],
        "server": {
            "kind": server.kind,
            "version": server.version,
            "size_bytes": total,
            "connections": pool.checked_out,
            "most_connections": pool.most,
        },
        "tables": [
            {"table": name, **asdict(size)}
            for name, size in sorted(sizes.items(), key=lambda item: -item[1].size_bytes)
        ],
    }
    return Response(orjson.dumps(out), mimetype="application/json")


_NO_SAMPLE = dict.fromkeys(name for name in PlaceOut.model_fields if name not in {"place", "where"})
