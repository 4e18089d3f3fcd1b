"""Install the real servers that tests need; ``scripts/servers`` starts them.

MariaDB, nginx, Chromium and debootstrap come from apt. MySQL is not in Debian 12: a small Debian sid that
has it is put into the cache and entered with chroot. The S3 server is built from source, into the cache, too.
Everything here does nothing where its work is done, and a try that was cut off leaves nothing that looks
done.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "candlehouse"
BIN = CACHE / "bin"
MYSQL_ROOT = CACHE / "mysql"
MYSQL_EMPTY = MYSQL_ROOT / "srv" / "empty"  # a data directory as initialised, to be copied for each run
MYSQL_RUNS = MYSQL_ROOT / "srv" / "runs"  # by process id of the script

MYSQL_PACKAGES = "mysql-server-core,mysql-client-core,mysql-server"
# Two fifths of the tree that nothing here reads, another 100 MB of data among them.
MYSQL_NEEDLESS = (
    "var/cache/apt",
    "var/lib/apt",
    "var/lib/mysql",
    "usr/share/doc",
    "usr/share/locale",
    "usr/share/man",
)

MINIO_MODULE = "github.com/minio/minio@v0.0.0-20251015172955-9e49d5e7a648"
# Some Go proxies no longer serve MinIO. versitygw speaks S3 too, so the lake still meets a real server.
VERSITYGW_MODULE = "github.com/versity/versitygw/cmd/versitygw@v1.8.0"


def say(text: str) -> None:
    print(f"servers: {text}", file=sys.stderr, flush=True)


def find_program(name: str) -> str | None:
    """Look beyond PATH: Debian keeps servers in sbin, which ordinary users do not search."""
    return shutil.which(
        name, path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
    )


def find_s3_program() -> Path | None:
    return next((BIN / name for name in ("minio", "versitygw") if (BIN / name).exists()), None)


def install_mariadb() -> None:
    if find_program("mariadbd") and find_program("mariadb-install-db"):
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        sys.exit(
            "servers: MariaDB is missing. As root on Debian this script installs it; elsewhere install "
            "MariaDB 10.6 or newer so that mariadbd and mariadb-install-db are found, then try again."
        )
    apt_install("mariadb-server")


def install_wrk() -> None:
    """Install what measures the API; only ``make bench`` asks for it, so that it may be missing."""
    if find_program("wrk"):
        return
    if os.geteuid() == 0 and shutil.which("apt-get"):
        apt_install("wrk")
    else:
        say("wrk is missing, with which `make bench` measures the API: install it to have that, too")


def install_nginx() -> None:
    """Install the proxy that a test puts before the API, as the documentation recommends it."""
    if find_program("nginx"):
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        sys.exit(
            "servers: nginx is missing. As root on Debian this script installs it; elsewhere install it so "
            "that nginx is found, then try again."
        )
    apt_install("nginx-light")


def install_chromium() -> None:
    """Install the browser in which tests open the web app."""
    if find_program("chromium"):
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        sys.exit(
            "servers: Chromium is missing. As root on Debian this script installs it; elsewhere install it "
            "so that chromium is found, then try again."
        )
    apt_install("chromium")


def apt_install(package: str) -> None:
    say(f"installing {package} …")
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for step in (["update"], ["install", "-y", "--no-install-recommends", package]):
        subprocess.run(["apt-get", "-q", *step], check=True, env=environment, stdout=sys.stderr)


def why_no_mysql() -> str | None:
    """Return why this machine or user cannot have MySQL, None when it can."""
    if not shutil.which("apt-get"):
        return "it is taken from Debian, and this is none"
    if os.geteuid() != 0:
        return "only root may enter its chroot"
    return None


def install_mysql() -> None:
    """Put Debian sid with MySQL into the cache, whole or not at all."""
    if reason := why_no_mysql():
        say(f"MySQL is left out: {reason}")
        return
    CACHE.mkdir(parents=True, exist_ok=True)
    with alone():
        if MYSQL_ROOT.exists():
            return
        for leftover in CACHE.glob("mysql-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        apt_install("debootstrap")
        say("installing MySQL into a small Debian sid (a minute, 600 MB) …")
        with tempfile.TemporaryDirectory(prefix="mysql-", dir=CACHE, ignore_cleanup_errors=True) as staging:
            tree = Path(staging) / "tree"
            make_mysql_tree(tree)
            tree.rename(MYSQL_ROOT)


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Let one process at a time install."""
    with (CACHE / "install.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def make_mysql_tree(tree: Path) -> None:
    # In mounts of its own: should this be killed, no /proc stays mounted in the tree, to be deleted with it.
    can_unshare = subprocess.run(["unshare", "--mount", "true"], check=False, capture_output=True)
    apart = ["unshare", "--mount"] if can_unshare.returncode == 0 else []
    bootstrap = ["debootstrap", "--variant=minbase", f"--include={MYSQL_PACKAGES}"]
    do([*apart, *bootstrap, "sid", str(tree), debian_mirror()])
    for needless in MYSQL_NEEDLESS:
        shutil.rmtree(tree / needless, ignore_errors=True)
    datadir = f"--datadir=/{MYSQL_EMPTY.relative_to(MYSQL_ROOT)}"
    do(
        [
            "chroot",
            str(tree),
            "/usr/sbin/mysqld",
            "--no-defaults",
            "--initialize-insecure",
            "--user=root",
            datadir,
        ]
    )


def debian_mirror() -> str:
    """Return where this machine gets Debian from, as apt's own sources say."""
    of_debian = ["Created-By: Packages", "Origin: Debian", "Label: Debian"]
    asked = ["apt-get", "indextargets", "--format", "$(REPO_URI)", *of_debian]
    mirrors = subprocess.run(asked, check=True, capture_output=True, text=True).stdout.split()
    return mirrors[0] if mirrors else sys.exit("servers: apt's sources name no mirror of Debian")


def do(command: list[str]) -> None:
    """Run *command* silently; show the end of what it said, and give up, when it fails."""
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        preexec_fn=die_with_parent,
    )
    if done.returncode:
        tail = "\n".join(done.stdout.splitlines()[-30:])
        sys.exit(
            f"servers: {command[0]} … failed (status {done.returncode}); the end of what it said:\n{tail}"
        )


def die_with_parent() -> None:
    """Ask Linux to end the process with this script, even when that is killed outright."""
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM)


def install_s3() -> None:
    if find_s3_program():
        return
    if not shutil.which("go"):
        sys.exit("servers: Go is missing; building an S3 server for the tests takes Go 1.24 or newer.")
    if not go_install(MINIO_MODULE):
        say("the Go proxy does not serve MinIO; building versitygw, another S3 server, in its place")
        if not go_install(VERSITYGW_MODULE):
            sys.exit("servers: no S3 server could be built; the lines above say why.")


def go_install(module: str) -> bool:
    """Build *module* into the cache; a build that is cut off leaves nothing there."""
    say(f"building {module} (minutes, the first time) …")
    BIN.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as staging:
        environment = os.environ | {"GOBIN": staging, "CGO_ENABLED": "0"}
        built = subprocess.run(["go", "install", module], env=environment, check=False, stdout=sys.stderr)
        for program in Path(staging).iterdir():
            program.replace(BIN / program.name)
    return built.returncode == 0
