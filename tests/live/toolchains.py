"""Toolchains that clients in tests need, and programs that are built with them once a
session."""
import fcntl
import os
import subprocess

import pytest

import servers

# what must be on PATH, and what scripts/deps test installs for it
TOOLCHAINS = {
    "node": (("node",), "nodejs"),
    "npm": (("node", "npm"), "nodejs, npm"),
    "java": (("java", "javac"), "default-jdk-headless"),
    "go": (("go",), "nothing: Debian's is too old for livekit-server, take go.dev's"),
    "curl": (("curl",), "curl"),
    "wget": (("wget",), "wget"),
    "perl": (("perl",), "perl"),
    "chromium": (("chromium",), "chromium"),
}


def needs_toolchain(name):
    """Skips the test, in words, where it is not there; in CI that is a failure."""
    programs, package = TOOLCHAINS[name]
    missing = [program for program in programs if not servers.find(program)]
    if missing:
        pytest.skip(f"no {' and no '.join(missing)} on PATH (Debian package: {package})")


def shared_folder(tmp_path_factory):
    """One folder for all xdist workers of a session."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


def built_once(tmp_path_factory, name, *argv, **options):
    """A folder in which the command ran once this session; {out} in it is the folder."""
    folder = shared_folder(tmp_path_factory) / name
    with open(folder.with_suffix(".lock"), "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            making = folder.with_suffix(".part")
            making.mkdir(exist_ok=True)
            done = subprocess.run([str(a).format(out=making) for a in argv],
                                  capture_output=True, text=True, timeout=150,
                                  check=False, **options)
            assert done.returncode == 0, f"{argv}: {done.stdout}{done.stderr}"
            making.rename(folder)
    return folder
