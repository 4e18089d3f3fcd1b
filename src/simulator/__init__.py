"""A deterministic exchange that speaks Binance's HTTP, for the demo, the tests and the benchmarks.

``Simulator(SimulatorConfig(...))`` in ``simulator.py`` is the way in. The room knows ``src.domain`` alone: it
must not share code with the client that is tested against it, or both would be wrong together.
"""
