"""Law: the standard library alone turns a fresh machine into a working one, from locks with digests only.

    python3 bootstrap.py core            what users run
    python3 bootstrap.py dev [--system]  also what the tests need; --system: Chromium and fonts as well

Makes `.venv` beside this file and installs into it exactly what `requirements/` names. Doing it twice costs
nothing: a stamp holds the digest of everything that decided the result. Which index pip asks is pip's own matter
(its configuration and `PIP_*`); nothing here names one.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

HERE = Path(__file__).resolve().parent
VENV = HERE / ".venv"
OLDEST = (3, 11)
SYSTEM_PROGRAMS = ("chromium", "chromedriver")
SYSTEM_PACKAGES = ("chromium", "chromium-driver", "fonts-dejavu-core", "fonts-noto-core")
WHEEL_FOLDERS = ("/usr/share/python-wheels", "/usr/share/python3-wheels")  # where distributions keep pip's wheel


def say(text: str) -> None:
    print(f"bootstrap: {text}", file=sys.stderr, flush=True)


def venv_python() -> Path:
    """The interpreter of `.venv`, on POSIX and on Windows."""
    return VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def run(words: Iterable[str | Path], **env: str) -> int:
    """Run a command with its output on stderr; its exit code."""
    return subprocess.run([str(w) for w in words], stdout=sys.stderr, env={**os.environ, **env}, check=False).returncode


def stamp_text(kind: str) -> str:
    """Digest of everything that decides what the environment holds."""
    digest = hashlib.sha256(repr((kind, sys.version_info[:3], str(VENV))).encode())
    for name in ("bootstrap.py", "pyproject.toml", "requirements/tools.txt", f"requirements/{kind}.txt"):
        digest.update((HERE / name).read_bytes())
    return digest.hexdigest()


def stamp_file(kind: str) -> Path:
    return VENV / f".clampdown-{kind}"


def is_current(kind: str) -> bool:
    """Whether `.venv` already holds this kind (dev includes core)."""
    kinds = ("core", "dev") if kind == "core" else ("dev",)
    return venv_python().exists() and any(
        stamp_file(k).exists() and stamp_file(k).read_text() == stamp_text(k) for k in kinds
    )


def pip_wheels() -> list[Path]:
    """Wheels of pip that this machine already has."""
    folders = [*WHEEL_FOLDERS, *os.environ.get("PIP_FIND_LINKS", "").split()]
    found = [w for f in folders if Path(f).is_dir() for w in Path(f).glob("pip-*.whl")]
    return sorted(found, reverse=True)


def pip_by_others() -> bool:
    """Let a pip of another Python on this machine put pip into `.venv`."""
    lock = ("--require-hashes", "-r", HERE / "requirements/tools.txt")
    for name in (sys.executable, "python3", "pip3", "pip"):
        program = shutil.which(name)
        if program is None:
            continue
        words = [program] if Path(program).name.startswith("pip") else [program, "-m", "pip"]
        if run([*words, "--python", venv_python(), "install", "--quiet", *lock]) == 0:
            return True
    return False


def add_pip() -> bool:
    """Bring pip into a `.venv` that was made without it."""
    for wheel in pip_wheels():
        # A wheel is a zip that Python runs in place; it installs itself.
        if run([venv_python(), f"{wheel}/pip", "install", "--quiet", "--no-index", wheel]) == 0:
            return True
    return pip_by_others()


def make_venv() -> bool:
    """A `.venv` with pip; what is left of a broken one is replaced."""
    if venv_python().exists() and run([venv_python(), "-m", "pip", "--version"]) == 0:
        return True
    if (VENV / "pyvenv.cfg").exists():
        shutil.rmtree(VENV)
    if has_module("ensurepip") and run([sys.executable, "-m", "venv", VENV]) == 0:
        return True
    shutil.rmtree(VENV, ignore_errors=True)
    if run([sys.executable, "-m", "venv", "--without-pip", VENV]) == 0 and add_pip():
        return True
    shutil.rmtree(VENV, ignore_errors=True)
    return False


def has_module(name: str) -> bool:
    return run([sys.executable, "-c", f"import {name}"]) == 0


def can_apt() -> bool:
    """Root on a Debian-like machine."""
    return hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get") is not None


def apt(*packages: str) -> bool:
    """Install system packages; only ever called where `can_apt()`."""
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    if run(["apt-get", "-qq", "update"], **quiet) != 0:
        return False
    return run(["apt-get", "-qq", "install", "-y", "--no-install-recommends", *packages], **quiet) == 0


def install(kind: str) -> bool:
    """What the locks name, then Clampdown itself in place."""
    pip = [venv_python(), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--retries", "5"]
    for lock in ("tools", kind):
        if run([*pip, "--prefer-binary", "--require-hashes", "-r", HERE / f"requirements/{lock}.txt"]) != 0:
            return False
    return run([*pip, "--no-deps", "--no-build-isolation", "--no-index", "--editable", HERE]) == 0


def system_packages() -> None:
    """Chromium and fonts for the tests that look at the page; never a reason to stop."""
    missing = [name for name in SYSTEM_PROGRAMS if shutil.which(name) is None]
    if not missing:
        return
    if can_apt():
        say(f"installing system packages: {' '.join(SYSTEM_PACKAGES)}")
        if apt(*SYSTEM_PACKAGES):
            return
    say(f"{' and '.join(missing)} not found: install {' '.join(SYSTEM_PACKAGES)} to run the tests that open the page")


def newer_python() -> str | None:
    """Another interpreter on the path that is new enough."""
    names = (f"python3.{minor}" for minor in range(13, OLDEST[1] - 1, -1))
    check = f"import sys; sys.exit(sys.version_info < {OLDEST!r})"
    found = (shutil.which(name) for name in names)
    return next((p for p in found if p and subprocess.run([p, "-c", check], check=False).returncode == 0), None)


def main(words: list[str]) -> int:
    kind = next((w for w in words if not w.startswith("-")), "core")
    if kind not in ("core", "dev"):
        say(f"unknown kind {kind!r}: say core or dev")
        return 2
    if sys.version_info < OLDEST:
        other = newer_python()
        if other is None:
            say(f"Python {OLDEST[0]}.{OLDEST[1]} or newer is needed; this is {sys.version.split()[0]}")
            return 2
        return subprocess.run([other, str(HERE / "bootstrap.py"), *words], check=False).returncode
    if not is_current(kind):
        say(f"making .venv ({kind})")
        if not make_venv() and not (can_apt() and apt("python3-venv") and make_venv()):
            say("no virtual environment could be made: install python3-venv (Debian) or pip, then try again")
            return 2
        if not install(kind):
            say("pip could not install what requirements/ names: see its words above")
            return 2
        stamp_file(kind).write_text(stamp_text(kind))
    if "--system" in words:
        system_packages()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
