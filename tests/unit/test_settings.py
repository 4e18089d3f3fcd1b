"""Settings: what is accepted, what is refused and how it is said, and that secrets stay secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from src.domain import Interval
from src.errors import ConfigurationError
from src.settings import PROJECT_ROOT, VARIABLES, Settings, load_settings


@pytest.fixture
def env_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty file that is read in the place of .env."""
    path = tmp_path / "env"
    path.touch()
    monkeypatch.setenv("CANDLEHOUSE_ENV_FILE", str(path))
    return path


def test_defaults_need_no_environment() -> None:
    settings = load_settings()
    assert settings.data_dir == PROJECT_ROOT / "data"
    assert settings.symbols == ("BTCUSDT", "ETHUSDT", "BNBUSDT", "SOLUSDT", "XRPUSDT")
    assert settings.intervals == (Interval.M1,)
    assert (settings.cycle_seconds, settings.lookback_days, settings.budget_share) == (60, 1, 0.8)
    assert settings.minio_endpoint is None
    assert settings.mysql_host is None


def test_settings_cannot_be_changed() -> None:
    settings = load_settings()
    with pytest.raises(ValueError, match="frozen"):
        settings.cycle_seconds = 1


@pytest.mark.parametrize(
    ("variable", "value", "attribute", "expected"),
    [
        ("CANDLEHOUSE_SYMBOLS", " BTCUSDT, 1000SATSUSDT ,BTCUSDT,", "symbols", ("BTCUSDT", "1000SATSUSDT")),
        ("CANDLEHOUSE_SYMBOLS", "none", "symbols", ()),
        ("CANDLEHOUSE_INTERVALS", "1m,1M,1h", "intervals", (Interval.M1, Interval.MO1, Interval.H1)),
        ("CANDLEHOUSE_DATA_DIR", "other/place", "data_dir", PROJECT_ROOT / "other/place"),
        ("CANDLEHOUSE_DATA_DIR", "/srv/candles", "data_dir", Path("/srv/candles")),
        ("CANDLEHOUSE_BUDGET_SHARE", "1", "budget_share", 1.0),
        ("CANDLEHOUSE_LOG", "DEBUG", "log_level", "debug"),
        ("CANDLEHOUSE_EGRESS", "", "egress", "default"),
        ("MINIO_SECURE", "true", "minio_secure", True),
        ("MYSQL_PORT", "65535", "mysql_port", 65535),
        ("BINANCE_BASE_URL", "http://127.0.0.1:8001/", "binance_base_url", "http://127.0.0.1:8001"),
        ("BINANCE_BASE_URL", "http://a/, https://b:1,http://a", "binance_base_url", "http://a,https://b:1"),
        ("CANDLEHOUSE_BREAKER_FAILURES", "3", "breaker_failures", 3),
        ("CANDLEHOUSE_BREAKER_SECONDS", "", "breaker_seconds", 60),
    ],
)
def test_environment_sets_values(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, attribute: str, expected: object
) -> None:
    monkeypatch.setenv(variable, value)
    assert getattr(load_settings(), attribute) == expected


@pytest.mark.parametrize(
    ("variable", "value", "shown", "accepted"),
    [
        ("CANDLEHOUSE_SYMBOLS", "BTCUSDT,ethusdt", "'ethusdt'", "capital letters"),
        ("CANDLEHOUSE_SYMBOLS", ",", "','", "capital letters"),
        ("CANDLEHOUSE_SYMBOLS", "A", "'A'", "2 to 20"),
        ("CANDLEHOUSE_INTERVALS", "1m,60", "'60'", "1m, 3m"),
        ("CANDLEHOUSE_CYCLE_SECONDS", "0", "'0'", "from 1 to 3600"),
        ("CANDLEHOUSE_CYCLE_SECONDS", "3601", "'3601'", "from 1 to 3600"),
        ("CANDLEHOUSE_CYCLE_SECONDS", "soon", "'soon'", "whole number"),
        ("CANDLEHOUSE_LOOKBACK_DAYS", "0", "'0'", "from 1 to 3650"),
        ("CANDLEHOUSE_DEPTH_LEVELS", "5001", "'5001'", "from 1 to 5000"),
        ("CANDLEHOUSE_BUDGET_SHARE", "0", "'0'", "above 0 and up to 1"),
        ("CANDLEHOUSE_BUDGET_SHARE", "1.01", "'1.01'", "above 0 and up to 1"),
        ("CANDLEHOUSE_BUDGET_SHARE", "nan", "'nan'", "above 0 and up to 1"),
        ("CANDLEHOUSE_EGRESS", "my home", "'my home'", "letters"),
        ("CANDLEHOUSE_LOG", "loud", "'loud'", "debug, info, warning or error"),
        ("MINIO_ENDPOINT", "http://minio:9000", "'http://minio:9000'", "without http://"),
        ("MINIO_BUCKET_RAW", "Raw", "'Raw'", "3 to 63"),
        ("MYSQL_PORT", "mysql", "'mysql'", "from 1 to 65535"),
        ("MYSQL_DATABASE", "a; DROP", "'a; DROP'", "letters, digits and _"),
        ("BINANCE_BASE_URL", "api.binance.com", "'api.binance.com'", "starts with https://"),
        ("BINANCE_BASE_URL", "http://a,b", "'http://a,b'", "several separated by commas"),
        ("BINANCE_BASE_URL", " , ", "' , '", "starts with https://"),
        ("CANDLEHOUSE_BREAKER_FAILURES", "0", "'0'", "from 1 to 1000"),
        ("CANDLEHOUSE_BREAKER_SECONDS", "3601", "'3601'", "from 1 to 3600"),
    ],
)
def test_wrong_value_is_named_shown_and_explained(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, shown: str, accepted: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigurationError) as caught:
        load_settings()
    assert f"{variable}={shown}: accepted: " in str(caught.value)
    assert accepted in str(caught.value)


def test_all_that_is_wrong_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANDLEHOUSE_CYCLE_SECONDS", "x")
    monkeypatch.setenv("CANDLEHOUSE_DEPTH_LEVEL", "5")
    monkeypatch.setenv("MYSQL_PORT", "0")
    with pytest.raises(ConfigurationError) as caught:
        load_settings()
    assert len(str(caught.value).splitlines()) == 4


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("CANDLEHOUSE_SYMBOL", "did you mean CANDLEHOUSE_SYMBOLS?"),
        ("CANDLEHOUSE_DATADIR", "did you mean CANDLEHOUSE_DATA_DIR?"),
        ("CANDLEHOUSE_", "see .env.example"),
        ("CANDLEHOUSE_QQQ", "see .env.example"),
    ],
)
def test_misspelt_variable_is_refused_with_the_nearest_name(
    monkeypatch: pytest.MonkeyPatch, name: str, hint: str
) -> None:
    monkeypatch.setenv(name, "1")
    with pytest.raises(ConfigurationError, match="is not a setting") as caught:
        load_settings()
    assert f"{name} is not a setting; {hint}" in str(caught.value)


def test_misspelt_variable_in_the_env_file_is_refused(env_file: Path) -> None:
    env_file.write_text("CANDLEHOUSE_CYCLES_SECONDS=5\n")
    with pytest.raises(ConfigurationError, match=r"did you mean CANDLEHOUSE_CYCLE_SECONDS\?"):
        load_settings()


def test_variables_of_the_test_scripts_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANDLEHOUSE_TEST_ANYTHING", "1")
    assert load_settings().cycle_seconds == 60


def test_plain_words_of_the_environment_are_not_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EGRESS", "elsewhere")
    monkeypatch.setenv("egress", "elsewhere")
    assert load_settings().egress == "default"


def test_override_wins_over_environment_and_that_over_env_file(
    monkeypatch: pytest.MonkeyPatch, env_file: Path
) -> None:
    env_file.write_text("CANDLEHOUSE_CYCLE_SECONDS=11\nCANDLEHOUSE_DEPTH_SECONDS=12\nMYSQL_PORT=13\n")
    monkeypatch.setenv("CANDLEHOUSE_CYCLE_SECONDS", "21")
    monkeypatch.setenv("CANDLEHOUSE_DEPTH_SECONDS", "22")
    settings = load_settings(cycle_seconds=31)
    assert (settings.cycle_seconds, settings.depth_seconds, settings.mysql_port) == (31, 22, 13)


def test_override_can_take_a_store_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MYSQL_HOST", "db")
    assert load_settings(mysql_host=None).mysql_host is None


def test_override_is_checked_like_the_environment() -> None:
    with pytest.raises(ConfigurationError, match="CANDLEHOUSE_CYCLE_SECONDS=0: accepted: a whole number"):
        load_settings(cycle_seconds=0)


def test_env_file_that_is_named_must_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANDLEHOUSE_ENV_FILE", "/nowhere/env")
    with pytest.raises(ConfigurationError, match="CANDLEHOUSE_ENV_FILE='/nowhere/env'"):
        load_settings()


def test_env_file_of_the_project_root_is_read_by_default(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("CANDLEHOUSE_ENV_FILE")
    monkeypatch.setattr("src.settings.PROJECT_ROOT", tmp_path)
    (tmp_path / ".env").write_text("CANDLEHOUSE_CYCLE_SECONDS=7\n")
    assert load_settings().cycle_seconds == 7


def test_stores_need_their_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINIO_ENDPOINT", "minio:9000")
    with pytest.raises(ConfigurationError, match="MINIO_ACCESS_KEY and MINIO_SECRET_KEY must be, too"):
        load_settings(minio_access_key="only-one")
    monkeypatch.delenv("MINIO_ENDPOINT")
    monkeypatch.setenv("MYSQL_HOST", "db")
    with pytest.raises(ConfigurationError, match="MYSQL_HOST is set, so MYSQL_USER must be"):
        load_settings()


def test_buckets_must_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINIO_BUCKET_RAW", "crypto-archive")
    with pytest.raises(ConfigurationError, match="two different buckets"):
        load_settings()


def test_secret_comes_from_its_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, env_file: Path) -> None:
    (tmp_path / "password").write_text("pa$$ word \n")
    env_file.write_text("MYSQL_PASSWORD=weaker\n")
    monkeypatch.setenv("MYSQL_PASSWORD_FILE", str(tmp_path / "password"))
    password = load_settings().mysql_password
    assert password is not None
    assert password.get_secret_value() == "pa$$ word "


def test_secret_twice_at_one_place_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MYSQL_PASSWORD", "one")
    monkeypatch.setenv("MYSQL_PASSWORD_FILE", "/run/secrets/other")
    with pytest.raises(ConfigurationError, match="MYSQL_PASSWORD and MYSQL_PASSWORD_FILE are both set"):
        load_settings()


def test_secret_file_that_cannot_be_read_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINIO_SECRET_KEY_FILE", "/nowhere/secret")
    with pytest.raises(ConfigurationError, match=r"MINIO_SECRET_KEY_FILE='/nowhere/secret'.*No such file"):
        load_settings()


def test_secrets_are_never_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MYSQL_PASSWORD", "MINIO_ACCESS_KEY", "MINIO_SECRET_KEY"):
        monkeypatch.setenv(name, "hush-hush")
    settings = load_settings(mysql_host="db", mysql_user="u", minio_endpoint="minio")
    assert "hush" not in f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()}"
    monkeypatch.setenv("MYSQL_HOST", "wrong host")
    with pytest.raises(ConfigurationError) as caught:
        load_settings(mysql_password=["hush-hush"])
    assert "MYSQL_PASSWORD=(hidden)" in str(caught.value)
    assert "hush" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert "hush" not in str(caught.value.__context__)


def test_env_example_lists_every_variable_with_its_default(env_file: Path) -> None:
    example = (PROJECT_ROOT / ".env.example").read_text(encoding="utf-8")
    entries = [line[1:] for line in example.splitlines() if line.startswith("#") and "=" in line.split()[0]]
    names = {entry.partition("=")[0] for entry in entries}
    secrets = {
        VARIABLES[name] for name, field in Settings.model_fields.items() if "Secret" in str(field.annotation)
    }
    assert names == set(VARIABLES.values()) | {f"{name}_FILE" for name in secrets}
    env_file.write_text("\n".join(entries))
    from_example = load_settings()
    env_file.write_text("")
    assert from_example == load_settings()


def test_env_example_spells_out_every_default() -> None:
    lines = (PROJECT_ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    for attribute, field in Settings.model_fields.items():
        default = "" if field.default in (None, ()) else str(field.default)
        text = default.lower() if isinstance(field.default, bool) else default
        assert f"#{VARIABLES[attribute]}={text}" in lines
