"""Toolchains that clients in tests need, and programs that are built with them once a
session."""
import fcntl
import os
import subprocess

import pytest

import servers

# what must be on PATH, and where it comes from
TOOLCHAINS = {
    "node": (("node",), "Debian's nodejs"),
    "npm": (("node", "npm"), "Debian's nodejs and npm"),
    "java": (("java", "javac"), "Debian's default-jdk-headless"),
    "go": (("go",), "go.dev: Debian's is too old for livekit-server"),
    "curl": (("curl",), "Debian's curl"),
    "wget": (("wget",), "Debian's wget"),
    "perl": (("perl",), "Debian's perl"),
    "chromium": (("chromium",), "Debian's chromium"),
}


def lacking(name):
    """The toolchain's programs that are not there."""
    return [program for program in TOOLCHAINS[name][0] if not servers.find(program)]


def needs_toolchain(name):
    """Skips the test, in words, where it is not there; in CI that is a failure."""
    if missing := lacking(name):
        pytest.skip(f"no {' and no '.join(missing)} on PATH ({TOOLCHAINS[name][1]})")


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
