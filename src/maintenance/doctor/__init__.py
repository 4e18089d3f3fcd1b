"""``./candlehouse doctor``: one file an area, each telling what it found and what to do about it."""
