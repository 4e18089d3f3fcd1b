"""The warehouse: all that is SQL.

MySQL's driver loads here, before anything that uses the warehouse: after pyarrow or TA-Lib its C extension
finds no room for its thread-local data, and the driver falls back to pure Python in silence, far slower.
"""

from contextlib import suppress
from importlib import import_module

with suppress(ImportError):
    import_module("_mysql_connector")
