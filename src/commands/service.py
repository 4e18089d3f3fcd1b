"""The command ``service``: a unit by which systemd starts all parts at boot and keeps them running."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import click

from src.commands.common import fail, read_settings
from src.errors import ConfigurationError

if TYPE_CHECKING:
    from src.settings import Settings

_NAME = "candlehouse.service"
_SYSTEM_FOLDER = Path("/etc/systemd/system")
# Made by systemd early at boot, and by nobody else.
_BOOTED_WITH_SYSTEMD = Path("/run/systemd/system")

# Status 2 says that settings are wrong: trying again would not help. SIGTERM goes to the scheduler alone,
# which ends its runs in order and then the API; what is left after that is killed.
_UNIT = """\
[Unit]
Description=Candlehouse: crypto market data, collected around the clock
{order}
[Service]
Type=exec
WorkingDirectory={root}
ExecStart="{root}/candlehouse" up
Restart=on-failure
RestartSec=10
RestartPreventExitStatus=2
KillMode=mixed
TimeoutStopSec=60
{rights}
[Install]
WantedBy={target}
"""
_RIGHTS = """\
NoNewPrivileges=yes
RestrictSUIDSGID=yes
RestrictRealtime=yes
LockPersonality=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
SystemCallArchitectures=native
"""
# What a user's own systemd may not do. The home folder is read-only, too, where npm would keep what it
# fetches for the web app.
_SYSTEM_RIGHTS = """\
User={user}
Environment=npm_config_cache=/tmp/npm
{common}CapabilityBoundingSet=
ProtectSystem=strict
ReadWritePaths={paths}
PrivateTmp=yes
PrivateDevices=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
"""


@click.command()
@click.option(
    "--user", "scope", flag_value="user", default="user", help="For your own account (the default)."
)
@click.option("--system", "scope", flag_value="system", help="For the whole machine, as root.")
@click.option("--print", "only_print", is_flag=True, help="Only print the unit.")
@click.option("--remove", is_flag=True, help="Remove the unit again.")
def service(scope: str, only_print: bool, remove: bool) -> None:
    """Write a systemd unit that starts all parts at boot; says what to do then.

    \b
    Example: ./candlehouse service --print
    """
    if only_print and remove:
        raise click.UsageError("give either --print or --remove")
    settings, is_system = read_settings(), scope == "system"
    text = make_unit(settings, is_system=is_system)
    if only_print:
        click.echo(text, nl=False)
        return
    _check_systemd()
    folder = _unit_folder(is_system)
    _check_not_of_another(folder / _NAME)
    if remove:
        _remove(folder, is_system)
    else:
        _check_data_folder(settings, is_system)
        _write(folder / _NAME, text, is_system)


def make_unit(settings: Settings, *, is_system: bool) -> str:
    """Return the unit's text, for this folder and whoever owns it."""
    from src.settings import PROJECT_ROOT

    folders = [PROJECT_ROOT]
    if not settings.data_dir.is_relative_to(PROJECT_ROOT):
        folders.append(settings.data_dir)
    for folder in folders:
        # What systemd reads in its own way, and differently from line to line.
        if not re.fullmatch(r"[^\x00-\x1f\"'\\%$]+", str(folder)):
            raise ConfigurationError(f"{folder}: systemd cannot be told of a folder of that name: rename it")
    if not is_system:
        return _UNIT.format(order="", root=PROJECT_ROOT, rights=_RIGHTS, target="default.target")
    paths = " ".join(f'"{folder}"' for folder in folders)
    rights = _SYSTEM_RIGHTS.format(user=PROJECT_ROOT.owner(), common=_RIGHTS, paths=paths)
    order = "Wants=network-online.target\nAfter=network-online.target\n"
    return _UNIT.format(order=order, root=PROJECT_ROOT, rights=rights, target="multi-user.target")


def _check_systemd() -> None:
    if not shutil.which("systemctl") or not _BOOTED_WITH_SYSTEMD.is_dir():
        fail(
            "this machine was not started by systemd: let what starts programs here run `./candlehouse up`; "
            "--print shows the unit, for another machine",
            1,
        )


def _unit_folder(is_system: bool) -> Path:
    if is_system:
        return _SYSTEM_FOLDER
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "systemd" / "user"


def _write(path: Path, text: str, is_system: bool) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except PermissionError:
        fail(f"{path} cannot be written: run this as root (sudo), or without --system", 1)
    control = _systemctl(is_system)
    click.echo(f"written: {path}\n\n  {control} daemon-reload\n  {control} enable --now {_NAME}")
    if not is_system:
        click.echo("  loginctl enable-linger    # starts it at boot, and not only when you log in")
    logs = "journalctl" if is_system else "journalctl --user"
    click.echo(f"  {logs} -fu {_NAME}    # what it says")
    _tell_what_it_will_not_know()


def _check_not_of_another(path: Path) -> None:
    from src.settings import PROJECT_ROOT

    if not path.exists():
        return
    found = re.search(r"^WorkingDirectory=(.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    if found is None or found[1] != str(PROJECT_ROOT):
        fail(f"{path} starts {found[1] if found else 'something else'}: --remove it there first", 1)


def _check_data_folder(settings: Settings, is_system: bool) -> None:
    from src.settings import PROJECT_ROOT

    folder = settings.data_dir
    if is_system and not folder.is_relative_to(PROJECT_ROOT) and not folder.is_dir():
        fail(f"{folder}, for the data, is not there: make it, and give it to {PROJECT_ROOT.owner()}", 1)


def _remove(folder: Path, is_system: bool) -> None:
    """Remove the unit, and the links by which it is started at boot: without it systemd cannot."""
    path = folder / _NAME
    try:
        for file in [*folder.glob(f"*.wants/{_NAME}"), path]:
            file.unlink()
    except FileNotFoundError:
        fail(f"there is no {path}", 1)
    except PermissionError:
        fail(f"{path} cannot be removed: run this as root (sudo)", 1)
    control = _systemctl(is_system)
    click.echo(f"removed: {path}\n\n  {control} stop {_NAME}\n  {control} daemon-reload")


def _systemctl(is_system: bool) -> str:
    return "systemctl" if is_system else "systemctl --user"


def _tell_what_it_will_not_know() -> None:
    """Name settings of this shell: the service will not have them."""
    from src.settings import ENV_FILE_VARIABLE, VARIABLES

    ours = {*VARIABLES.values(), *(f"{name}_FILE" for name in VARIABLES.values()), ENV_FILE_VARIABLE}
    if here := sorted(name for name in ours if os.environ.get(name)):
        click.echo(f"\nset in this shell alone, put them into .env: {', '.join(here)}", err=True)
