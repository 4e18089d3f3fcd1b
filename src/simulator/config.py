"""What a simulator is made of: its symbols, clock, limits, tapes and faults. Plain values, no behaviour."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from src.simulator.clock import real_time_ms

# 2017-08-17T00:00Z, the day Binance's own BTCUSDT begins.
BINANCE_START_MS = 1_502_928_000_000
# The status of a symbol whose trading has ended.
DELISTED = "BREAK"


@dataclass(frozen=True, slots=True)
class SymbolSpec:
    """One trading pair; tick and step are 10**-price_decimals and 10**-quantity_decimals.

    *base_price* is the middle around which the price wanders (between a third and three times of it),
    *quote_per_minute* the mean turnover, *book_levels* the most levels a side of its order book has.
    """

    symbol: str
    base_asset: str
    base_price: Decimal
    price_decimals: int = 2
    quantity_decimals: int = 3
    quote_asset: str = "USDT"
    quote_per_minute: int = 20_000
    listed_at_ms: int = BINANCE_START_MS
    book_levels: int = 5_000
    status: str = "TRADING"

    @property
    def tick_size(self) -> Decimal:
        return Decimal(1).scaleb(-self.price_decimals)

    @property
    def step_size(self) -> Decimal:
        return Decimal(1).scaleb(-self.quantity_decimals)


DEFAULT_SYMBOLS = (
    SymbolSpec("BTCUSDT", "BTC", Decimal(60_000), 2, 5, quote_per_minute=600_000),
    SymbolSpec("ETHUSDT", "ETH", Decimal(3_000), 2, 4, quote_per_minute=300_000),
    SymbolSpec("BNBUSDT", "BNB", Decimal(500), 2, 3, quote_per_minute=80_000),
    SymbolSpec("SOLUSDT", "SOL", Decimal(100), 2, 3, quote_per_minute=120_000),
    SymbolSpec("XRPUSDT", "XRP", Decimal("0.6"), 4, 1, quote_per_minute=60_000),
)


def extra_symbols(count: int) -> tuple[SymbolSpec, ...]:
    """Return SIM001USDT, SIM002USDT … with prices from cents to hundreds, for load and scale."""
    prices = (Decimal("0.05"), Decimal("0.8"), Decimal(4), Decimal(35), Decimal(270))
    return tuple(
        SymbolSpec(f"SIM{n:03d}USDT", f"SIM{n:03d}", prices[n % len(prices)], 4, 2)
        for n in range(1, count + 1)
    )


@dataclass(frozen=True, slots=True)
class SimulatorConfig:
    """Everything that can be chosen; the same *seed* and symbols give the same candles on every machine.

    With *tape_files* the simulator serves those archives instead of *symbols*. *faults* are specs as
    ``faults.parse_fault`` reads them, *scenario* a file for ``scenario.load_scenario``. *clock* gives UTC
    milliseconds; *start_at_ms* and *speed* bend it. Port 0 means any free one. *calls_before_ban* is how
    many calls are answered 429 before a 418.
    """

    seed: int = 1
    symbols: tuple[SymbolSpec, ...] = DEFAULT_SYMBOLS
    tape_files: tuple[Path, ...] = ()
    faults: tuple[str, ...] = ()
    scenario: Path | None = None
    clock: Callable[[], int] = real_time_ms
    start_at_ms: int | None = None
    speed: float = 1.0
    host: str = "127.0.0.1"
    port: int = 0
    weight_limit: int = 6_000
    calls_before_ban: int = 10
    first_ban_s: int = 120
    log_size: int = 200_000
