"""Whether we live and are ready: for supervisors and proxies, who learn no more than that."""

from __future__ import annotations

from sqlalchemy import select

from src.api.access import needs
from src.api.context import parts
from src.api.preparation import answers_anyway, look_prepared
from src.api.problems import Problem
from src.api.routing import Routes
from src.api.schemas import Done
from src.errors import CandlehouseError
from src.warehouse.schema import check_schema

routes = Routes("health", "Whether the API lives and is ready.")


@routes.get("/health/live", responses={200: Done})
@needs(None)
@answers_anyway
def live() -> Done:
    """Say that the API runs.

    It does not look at the stores: one that is away is no reason to start the API again.
    """
    return Done()


@routes.get("/health/ready", responses={200: Done})
@needs(None)
@answers_anyway
def ready() -> Done:
    """Say whether the API can answer: 503 while the warehouse is away or its schema is another.

    It sees to the schema itself, so that who is not asked anything until it is ready becomes so.
    """
    try:
        look_prepared()
        check_schema(parts().glance)
        with parts().glance.read() as connection:
            connection.execute(select(1))
    except CandlehouseError:
        raise Problem(503, "not-ready", "not ready; ./candlehouse doctor says why") from None
    return Done()
