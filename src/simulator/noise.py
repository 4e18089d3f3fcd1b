"""Random numbers by position instead of by order, so that any stretch can be computed alone.

Only operations that IEEE 754 defines exactly are used (no exp, no sin), so every machine computes the same.
"""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from src.simulator.wire import Ints

Floats = NDArray[np.float64]
Hashes = NDArray[np.uint64]


def channel_key(*parts: object) -> int:
    """Return a 64-bit key for a stream of numbers, the same in every process."""
    text = "|".join(str(part) for part in parts)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


def hash_at(key: int, positions: Ints) -> Hashes:
    """Return 64 random bits for each position (the finalizer of splitmix64)."""
    mixed = positions.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(key)
    mixed ^= mixed >> np.uint64(30)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    mixed ^= mixed >> np.uint64(27)
    mixed *= np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    return mixed


def uniform_at(key: int, positions: Ints) -> Floats:
    """Return a number in [0, 1) for each position."""
    return (hash_at(key, positions) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def value_noise(key: int, first: int, count: int, period_bits: int) -> Floats:
    """Return smooth noise in [-1, 1] at *count* positions from *first*, with a node every 2**period_bits."""
    period = 1 << period_bits
    first_node, last_node = first >> period_bits, ((first + count - 1) >> period_bits) + 1
    nodes = uniform_at(key, np.arange(first_node, last_node + 1, dtype=np.int64)) * 2.0 - 1.0
    positions = np.arange(first, first + count, dtype=np.int64)
    cell = (positions >> period_bits) - first_node
    part = (positions & (period - 1)) * (1.0 / period)
    left: Floats = nodes[cell]
    noise: Floats = left + (nodes[cell + 1] - left) * (part * part * (3.0 - 2.0 * part))
    return noise
