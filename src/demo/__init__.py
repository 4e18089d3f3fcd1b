"""``./candlehouse demo``: simulator, scheduler and a live view, in a data folder of their own."""
