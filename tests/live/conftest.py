"""Fixtures: real servers, and gates beside them.  Each test's things lie in its
tmp_path."""
import contextlib
import os

import pytest

import servers
from gate import BINARY, PRESET, Gate


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """In CI nothing may be skipped."""
    report = yield
    if report.skipped and os.environ.get("CAMGATE_CI") and not hasattr(report,
                                                                       "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped where nothing may be: {call.excinfo.value}"
    return report


def pytest_collection_modifyitems(config, items):
    """`once`: under ThreadSanitizer, the second run, it would show nothing new."""
    left_out = [item for item in items
                if PRESET == "tsan" and item.get_closest_marker("once")]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


def needs(name):
    if not servers.find(name):
        pytest.skip(f"{name} is not installed (scripts/deps test)")


@contextlib.contextmanager
def running():
    """start(server) starts it and ends it with the block; gates must end cleanly."""
    servers_of_it = []

    def start(server):
        servers_of_it.append(server)
        return server.start()

    yield start
    errors = []
    for server in reversed(servers_of_it):
        try:
            server.stop_cleanly() if isinstance(server, Gate) else server.stop()
        except AssertionError as error:
            errors.append(str(error))
    assert not errors, "\n".join(errors)


@pytest.fixture
def started():
    """running() for one test."""
    with running() as start:
        yield start


@pytest.fixture(scope="session", autouse=True)
def binary():
    if not BINARY.exists():
        pytest.fail(f"{BINARY} is not built")


@pytest.fixture
def new_gate(tmp_path, started):
    """new_gate(name=..., **Gate's) makes and starts one more gate."""

    def make(name="gate", **options):
        return started(Gate(tmp_path / name, **options))

    return make


@pytest.fixture
def gate(new_gate):
    """A gate on the embedded default: local quota, rooms minted only."""
    return new_gate()


@pytest.fixture
def turn(tmp_path, started):
    needs("turnserver")
    return started(servers.Turn(tmp_path / "turn"))


@pytest.fixture
def valkey(tmp_path, started):
    needs("valkey-server")
    return started(servers.Valkey(tmp_path / "valkey"))


@pytest.fixture
def livekit(tmp_path):
    """A livekit-server that is not started yet: its webhook's address is the test's."""
    needs("livekit-server")
    return servers.LiveKit(tmp_path / "livekit", empty=2, departure=1)


@pytest.fixture
def pair(livekit, tmp_path, started):
    """(gate, livekit) that know each other, webhooks too."""
    gate = Gate(tmp_path / "gate", **livekit.env())
    livekit.webhook = gate.url + "/webhook/livekit"
    started(livekit)
    return started(gate), livekit
