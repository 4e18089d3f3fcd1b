"""The read side."""

import src.warehouse  # noqa: F401 - before the libraries of single services, see there
