"""Who may connect, and who the client is behind a real nginx that ends TLS."""
import shutil
import socket

import pytest
import requests
from requests.adapters import HTTPAdapter

import ports
from conftest import needs
from gate import HERE, Gate, problem
from pki import Authority
from servers import Server, connects, find
from settings import laid_over
from test_tls import SecureGate


class From(HTTPAdapter):
    """Connections of a session leave from this address of loopback."""

    def __init__(self, address):
        self.address = address
        super().__init__()

    def init_poolmanager(self, *args, **kw):
        super().init_poolmanager(*args, source_address=(self.address, 0), **kw)


def leave_from(session, address):
    for scheme in ("http://", "https://"):
        session.mount(scheme, From(address))


def client_from(gate, address, sub="alice", url=None, verify=None, **claims):
    client = gate.client(sub, **claims)
    client.http.trust_env = False
    client.http.verify = str(verify) if verify else client.http.verify
    leave_from(client.http, address)
    if url:
        client.gate = type("At", (), {"url": url})()
    return client


def refused(client):
    with pytest.raises(requests.ConnectionError):
        client.explain()


def test_denied_addresses_are_closed_at_the_accept(tmp_path, new_gate):
    gate = new_gate(config=laid_over(tmp_path, listen={
        "allow": ["127.0.0.0/29"], "deny": ["::ffff:127.0.0.3/128", "127.0.0.4/31"]}))
    for last, taken in ((1, True), (2, True), (3, False), (4, False), (5, False),
                        (6, True), (8, False)):
        client = client_from(gate, f"127.0.0.{last}")
        if taken:
            client.explain().raise_for_status()
        else:
            refused(client)
    with socket.create_connection(("127.0.0.1", gate.port), 10, ("127.0.0.3", 0)) as s:
        assert s.recv(100) == b""  # closed, and not a word
    assert gate.metric("camgate_http_refused_total") >= 5
    gate.client().grant()


def test_a_denied_address_gets_no_handshake(tmp_path, started):
    authority = Authority(tmp_path / "pki")
    config = laid_over(tmp_path, listen={"deny": ["127.0.0.3"]})
    gate = started(SecureGate(tmp_path / "gate", authority, authority.issue(),
                              config=config))
    refused(client_from(gate, "127.0.0.3"))
    client_from(gate, "127.0.0.2").grant()


def test_the_admin_listener_has_lists_of_its_own(tmp_path, new_gate):
    gate = new_gate(config=laid_over(tmp_path, admin={"allow": ["127.0.0.1"]}))
    session = requests.Session()
    leave_from(session, "127.0.0.2")
    with pytest.raises(requests.ConnectionError):
        session.get(gate.admin + "/status", timeout=10)
    assert requests.get(gate.admin + "/status", timeout=10).ok
    client_from(gate, "127.0.0.2").grant()


def test_a_list_may_be_one_text(tmp_path, new_gate):
    gate = new_gate(config=laid_over(tmp_path, listen={
        "deny": "192.0.2.0/24 , 127.0.0.3", "allow": "127.0.0.0/8"}))
    refused(client_from(gate, "127.0.0.3"))
    client_from(gate, "127.0.0.2").grant()


def test_empty_lists_let_everybody_in(tmp_path, new_gate):
    gate = new_gate(config=laid_over(tmp_path, listen={
        "allow": [], "deny": [], "trusted_proxies": []}, admin={"allow": [], "deny": []}))
    client_from(gate, "127.0.0.2").grant()


@pytest.mark.parametrize("name, value, words", [
    ("allow", ["10.0.0.1/8"], "the network is 10.0.0.0/8"),
    ("deny", ["10.0.0.0/33"], "prefix must be 0 to 32"),
    ("trusted_proxies", ["::1", "lan"], "neither an address nor a network"),
    ("allow", 8, "must be an array of strings"),
    ("allow", "10.0.0.0/8,", "number 2 of its elements must be 1 to 256 bytes"),
])
def test_check_refuses_odd_lists(tmp_path, name, value, words):
    gate = Gate(tmp_path / "gate", config=laid_over(tmp_path, listen={name: value}))
    done = gate.cli("check", check=False)
    assert done.returncode == 2 and words in done.stderr \
        and f"listen.{name}" in done.stderr


# ---- behind a proxy

class Nginx(Server):
    """TLS in front of a gate; adds who it talks to, as nginx's documentation does it."""

    name = "nginx"

    def __init__(self, folder, gate_port, pair):
        super().__init__(folder)
        self.port, self.gate_port, self.pair = ports.take(), gate_port, pair

    def start(self):
        path = self.folder / "nginx.conf"
        path.write_text(f"""
daemon off; master_process off; pid {self.folder}/nginx.pid; error_log stderr;
events {{}}
http {{
  access_log off;
  client_body_temp_path {self.folder}/body; proxy_temp_path {self.folder}/proxy;
  fastcgi_temp_path {self.folder}/f; uwsgi_temp_path {self.folder}/u;
  scgi_temp_path {self.folder}/s;
  upstream gate {{ server 127.0.0.1:{self.gate_port}; keepalive 4; }}
  server {{
    listen 127.0.0.1:{self.port} ssl;
    ssl_certificate {self.pair[0]}; ssl_certificate_key {self.pair[1]};
    location / {{
      proxy_pass http://gate;
      proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    }}
  }}
}}
""")
        return self.spawn(find("nginx"), "-p", self.folder, "-c", path)

    def ready(self):
        return connects(self.port)

    @property
    def url(self):
        return f"https://127.0.0.1:{self.port}"


ROOM = """return { name = "room", doc = "One desk may not watch.",
  decide = function(req)
    if req.subject.ip == "127.0.0.66" then return deny("not from " .. req.subject.ip) end
  end }
"""


@pytest.fixture
def behind(tmp_path, started):
    """(gate, at): at(address, ...) is a client whose requests reach the gate through
    nginx."""
    needs("nginx")
    authority = Authority(tmp_path / "pki")
    policies = shutil.copytree(HERE / "policies", tmp_path / "policies")
    (policies / "05_room.lua").write_text(ROOM)
    gate = started(Gate(tmp_path / "gate", policies=policies, workers=1, config=laid_over(
        tmp_path, listen={"trusted_proxies": ["127.0.0.1", "10.0.0.0/8"],
                          "deny": ["127.0.0.13"]})))
    proxy = started(Nginx(tmp_path / "nginx", gate.port, authority.issue()))

    def at(address, sub="alice", **claims):
        return client_from(gate, address, sub, url=proxy.url, verify=authority.ca,
                           **claims)

    return gate, at


def addresses(gate, subject):
    return {row["client_addr"] for row in gate.decisions(subject=subject)}


def test_the_trail_and_the_policies_see_the_client(behind):
    gate, at = behind
    at("127.0.0.7", "carol").grant()
    assert addresses(gate, "carol") == {"127.0.0.7"}
    assert problem(at("127.0.0.66").reserve(), 403)["reason"] == "not from 127.0.0.66"
    at("127.0.0.67").grant()


def test_what_the_client_says_of_itself_is_not_believed(behind):
    gate, at = behind
    for sub, forged in (("mallory", "127.0.0.7"), ("mike", "10.0.0.1"),
                        ("mona", "nonsense,,")):
        client = at("127.0.0.66", sub)
        for name in ("X-Forwarded-For", "Forwarded", "X-Real-IP"):
            client.http.headers[name] = forged
        no = problem(client.reserve(), 403)
        assert no["reason"] == "not from 127.0.0.66"
        assert addresses(gate, sub) == {"127.0.0.66"}
    direct = client_from(gate, "127.0.0.66", "direct")  # no proxy at all
    direct.http.headers["X-Forwarded-For"] = "127.0.0.7"
    assert problem(direct.reserve(), 403)["reason"] == "not from 127.0.0.66"
    # a proxy that names nobody, or talks nonsense, is itself the client
    for sub, value in (("nobody", None), ("odd", "unknown")):
        proxy = client_from(gate, "127.0.0.1", sub)
        proxy.http.headers["X-Forwarded-For"] = value
        proxy.grant()
        assert addresses(gate, sub) == {"127.0.0.1"}


def test_denied_clients_of_a_proxy_get_a_problem_and_it_keeps_its_connection(behind):
    gate, at = behind
    for _ in range(3):
        no = problem(at("127.0.0.13").reserve(), 403, "denied")
        assert "127.0.0.13" in no["detail"]
    at("127.0.0.14").grant()
    refused(client_from(gate, "127.0.0.13"))
    assert gate.decisions(client_addr="127.0.0.13") == []


def test_a_budget_of_wrong_signatures_is_each_clients_own(behind):
    gate, at = behind
    wrong = [at("127.0.0.21", key="w" * 32).reserve().status_code for _ in range(22)]
    assert wrong == [401] * 20 + [429] * 2
    at("127.0.0.22").grant()
    assert at("127.0.0.21", "fresh").reserve().status_code == 429
