"""Packs: what goes in comes out byte for byte, what is damaged is noticed."""

from __future__ import annotations

import io
import tarfile
from itertools import accumulate

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from src.domain import DataType, Interval
from src.lake.keys import parse_key
from src.lake.packs import build_pack, digest_of, in_portions, is_pack, open_pack, pack_key
from src.lake.store import check_key

_NAMES = st.integers(0, 253_402_300_799_999).map(lambda at: f"2026-01-09/BTCUSDT_klines_{at}.json")


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(_NAMES, st.binary(max_size=2000), min_size=1, max_size=20))
def test_each_member_comes_back_byte_for_byte(members: dict[str, bytes]) -> None:
    pack = build_pack(members)
    assert open_pack(pack) == members
    assert build_pack(members) == pack


def test_long_key_and_large_member_come_back() -> None:
    members = {f"other-exchange/2026-01-09/{'A' * 32}_klines-15m_{'9' * 15}.json" + "x" * 80: b"[1]" * 10**6}
    assert open_pack(build_pack(members)) == members


def test_other_programs_can_open_a_pack() -> None:
    plain = zstandard.ZstdDecompressor().decompress(build_pack({"2026-01-09/A_depth_1.json": b"[]"}))
    with tarfile.open(fileobj=io.BytesIO(plain)) as tar:
        assert tar.getnames() == ["2026-01-09/A_depth_1.json"]


@pytest.mark.parametrize("at", [0, 4, 20, -3])
def test_damage_anywhere_is_noticed(at: int) -> None:
    pack = bytearray(build_pack({f"2026-01-09/A_depth_{n}.json": b"[%d]" % n * 50 for n in range(50)}))
    pack[at] ^= 0x55
    with pytest.raises(ValueError, match="the pack cannot be opened"):
        open_pack(bytes(pack))


@pytest.mark.parametrize("content", [b"", b"[1]", zstandard.compress(b"no tar")])
def test_what_is_no_pack_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match="the pack cannot be opened"):
        open_pack(content)


def test_key_of_a_pack_is_storable_and_none_of_an_object() -> None:
    key = pack_key("kraken", "XBT-USD", DataType.KLINES, Interval.H1, "2026-01-09", digest_of(["ab", "cd"]))
    assert key.startswith("packs/kraken/2026-01-09/XBT-USD_klines-1h_")
    check_key(key)
    assert is_pack(key)
    with pytest.raises(ValueError, match="is not of the form"):
        parse_key(key)
    home = pack_key("binance", "BTCUSDT", DataType.DEPTH, None, "2026-01-09", "0" * 64)
    assert home == "packs/2026-01-09/BTCUSDT_depth_0000000000000000.tar.zst"


@given(st.lists(st.integers(0, 50), max_size=30), st.integers(1, 100))
def test_portions_hold_all_in_order_and_no_more_than_they_may(sizes: list[int], most: int) -> None:
    portions = [sizes[part] for part in in_portions(sizes, most)]
    assert [size for portion in portions for size in portion] == sizes
    assert all(portion and (len(portion) == 1 or sum(portion) <= most) for portion in portions)
    ends = list(accumulate(map(len, portions)))
    for end, portion in zip(ends, portions[:-1], strict=False):
        assert sum(portion) + sizes[end] > most
