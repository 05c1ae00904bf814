"""etc/openapi.yaml is what generators of clients take: openapi-typescript, oapi-codegen
and openapi-python-client make a client of it each, and with it a program goes through the
life of a lease and reads refusals, at a real gate; redocly lints it."""
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gate import HERE
from servers import ROOT, find
from toolchains import needs_toolchain

FROM = HERE / "generators"
DOCUMENT = ROOT / "etc/openapi.yaml"
INSTALLED = ROOT / "build/tools/generators"

pytestmark = [pytest.mark.once, pytest.mark.timeout(120)]


def done(*argv, **options):
    """What the command printed; it must end well."""
    ended = subprocess.run([str(word) for word in argv], capture_output=True, text=True,
                           timeout=100, **options)
    assert ended.returncode == 0, f"{argv}: {ended.stdout[-6000:]}{ended.stderr[-6000:]}"
    return ended.stdout


def npm(name):
    """The command line of a program that npm installed."""
    needs_toolchain("node")
    program = INSTALLED / "node_modules/.bin" / name
    if not program.exists():
        pytest.skip(f"{name} is not installed (scripts/deps test)")
    return [find("node"), program.resolve()]


def caller(gate):
    return {"CAMGATE_URL": gate.url, "CAMGATE_TOKEN": gate.token()}


def typescript(gate, folder):
    for part in ("node_modules", "package.json"):
        (folder / part).symlink_to(INSTALLED / part)
    done(*npm("openapi-typescript"), DOCUMENT, "-o", folder / "api.ts")
    shutil.copy(FROM / "client.ts", folder)
    done(*npm("tsc"), "--strict", "--target", "es2022", "--module", "nodenext",
         folder / "client.ts", cwd=folder)
    return json.loads(done(find("node"), folder / "client.js",
                           env=os.environ | caller(gate)))


def go(gate, folder):
    needs_toolchain("go")
    generator, compiler = find("oapi-codegen"), find("go")
    if not generator:
        pytest.skip("oapi-codegen is not installed (scripts/deps test)")
    for part in ("go.mod", "go.sum", "client.go"):
        shutil.copy(FROM / part, folder)
    (folder / "gate").mkdir()
    done(generator, "--config", FROM / "go.yaml", "-o", folder / "gate/gate.go", DOCUMENT)
    done(compiler, "vet", "./...", cwd=folder)
    return json.loads(done(compiler, "run", ".", cwd=folder,
                           env=os.environ | caller(gate)))


def python(gate, folder):
    done(Path(sys.executable).with_name("openapi-python-client"), "generate", "--path",
         DOCUMENT, "--meta", "none", "--output-path", folder / "camgate_client",
         "--config", FROM / "python.yaml", "--fail-on-warning")
    shutil.copy(FROM / "client.py", folder)
    return json.loads(done(sys.executable, folder / "client.py",
                           env=os.environ | caller(gate)))


@pytest.mark.parametrize("language", [typescript, go, python])
def test_a_generated_client_makes_a_grant(gate, tmp_path, language):
    folder = tmp_path / "client"
    folder.mkdir()
    told = language(gate, folder)
    lease = told["lease"]
    assert told == {
        "lease": lease, "quality": "medium", "beat": [lease, None],
        "fresh": [lease, True], "listed": [lease], "verdict": "allow", "released": 204,
        "late": ["/problems/lease-ended", "released"],
        "odd": ["/problems/invalid-field", ["/quality"]],
        "unknown": ["/problems/not-found", 404]}
    session, = gate.rows("SELECT lease_id, ended_by FROM sessions")
    assert session == {"lease_id": lease, "ended_by": "released"}


def test_redocly_finds_nothing():
    done(*npm("redocly"), "lint", "--config", FROM / "redocly.yaml", DOCUMENT)
