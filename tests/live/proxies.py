"""Real HTTP proxies in front of a gate, with connections to it that are kept and shared.

Both refuse what a gate's guest may not do, as a site's front would: `forbidden` is a path
that they answer with 403.  So a lease made through them was smuggled.
"""
import ports
from servers import ROOT, Server, connects, find


class Proxy(Server):
    """Listens on `port`, forwards to the gate's public port, waits `wait_ms` for a
    client."""

    def __init__(self, folder, gate, forbidden, wait_ms=400):
        super().__init__(folder)
        self.port, self.gate = ports.take(), gate
        self.forbidden, self.wait_ms = forbidden, wait_ms

    def write_config(self, name, text):
        path = self.folder / name
        path.write_text(text)
        return path

    def ready(self):
        return connects(self.port)


class Nginx(Proxy):
    name = "nginx"

    def start(self):
        temp = "".join(f"{kind}_temp_path {self.folder}/{kind};\n"
                       for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        path = self.write_config("nginx.conf", f"""
daemon off; master_process off; pid {self.folder}/nginx.pid; error_log stderr warn;
events {{ worker_connections 1024; }}
http {{
  {temp} access_log {self.folder}/access.log;
  client_header_timeout {self.wait_ms}ms; client_body_timeout {self.wait_ms}ms;
  lingering_timeout {self.wait_ms}ms; proxy_read_timeout 5s;
  upstream gate {{ server 127.0.0.1:{self.gate.port}; keepalive 8; }}
  server {{
    listen 127.0.0.1:{self.port};
    underscores_in_headers on; ignore_invalid_headers off; client_max_body_size 0;
    location = {self.forbidden} {{ return 403; }}
    location / {{
      proxy_pass http://gate; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_set_header Host $http_host;
      proxy_request_buffering off; proxy_next_upstream off;
    }}
  }}
}}
""")
        return self.spawn(find("nginx", "/usr/sbin/nginx"), "-p", self.folder, "-e",
                          "stderr", "-c", path)


class HAProxy(Proxy):
    name = "haproxy"

    def start(self):
        path = self.write_config("haproxy.cfg", f"""
global
  maxconn 1000
defaults
  mode http
  timeout connect 2s
  timeout client {self.wait_ms}ms
  timeout http-request {self.wait_ms}ms
  timeout server 5s
  retries 0
  option accept-invalid-http-request
frontend front
  bind 127.0.0.1:{self.port} proto h1
  http-request deny deny_status 403 if {{ path {self.forbidden} }}
  default_backend gate
backend gate
  http-reuse always
  option accept-invalid-http-response
  server gate 127.0.0.1:{self.gate.port}
""")
        return self.spawn(find("haproxy", "/usr/sbin/haproxy"), "-db", "-f", path)


# ---- as a site sets them up

ETC = ROOT / "etc"


class Fronts(Server):
    """One proxy with a port for each way to set it up; `fronts` is {name: its URL}."""

    PLAIN, SECURE = (), ""  # names of fronts, in order; the shipped file's is the last

    def __init__(self, folder, gate, pair):
        super().__init__(folder)
        self.gate, self.pair = gate, pair
        self.ports = {name: ports.take() for name in (*self.PLAIN, self.SECURE)}

    @property
    def fronts(self):
        return {name: f"http{'s' if name == self.SECURE else ''}://127.0.0.1:{port}"
                for name, port in self.ports.items()}

    def shipped(self, name, **moved):
        """The file of etc/ with addresses and certificates of this machine."""
        text = (ETC / name).read_text()
        for old, new in moved.items():
            assert old in text, old
            text = text.replace(old, str(new))
        return text

    def ready(self):
        return all(map(connects, self.ports.values()))


class OrdinaryNginx(Fronts):
    """With no settings at all, with its buffering, without, and by etc/nginx.conf."""

    name = "nginx"
    PLAIN, SECURE = ("nginx-bare", "nginx-buffering", "nginx-streaming"), "nginx-h2"

    def start(self):
        keeps = 'proxy_http_version 1.1; proxy_set_header Connection "";'
        said = {"nginx-bare": "", "nginx-buffering": keeps,
                "nginx-streaming": keeps + " proxy_request_buffering off;"}
        plain = "".join(f"""
  server {{
    listen 127.0.0.1:{self.ports[name]};
    location / {{ proxy_pass http://camgate; {words} }}
  }}""" for name, words in said.items())
        port = self.ports[self.SECURE]
        site = self.shipped("nginx.conf", **{
            "127.0.0.1:8090": f"127.0.0.1:{self.gate.port}",
            "listen 443 ssl http2": f"listen 127.0.0.1:{port} ssl http2",
            "/etc/nginx/camgate.pem": self.pair[0],
            "/etc/nginx/camgate.key": self.pair[1]})
        temp = "".join(f"{kind}_temp_path {self.folder}/{kind};\n"
                       for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        path = self.folder / "nginx.conf"
        path.write_text(f"""
daemon off; master_process off; pid {self.folder}/nginx.pid; error_log stderr warn;
events {{ worker_connections 1024; }}
http {{
  {temp} access_log {self.folder}/access.log;
{site}{plain}
}}
""")
        return self.spawn(find("nginx", "/usr/sbin/nginx"), "-p", self.folder, "-e",
                          "stderr", "-c", path)


class OrdinaryHAProxy(Fronts):
    """HTTP/1.1 in front, and etc/haproxy.cfg with HTTP/2."""

    name = "haproxy"
    PLAIN, SECURE = ("haproxy-h1",), "haproxy-h2"

    def start(self):
        pem = self.folder / "camgate.pem"
        pem.write_text("".join(part.read_text() for part in self.pair))
        port, plain = self.ports[self.SECURE], self.ports["haproxy-h1"]
        path = self.folder / "haproxy.cfg"
        path.write_text(self.shipped("haproxy.cfg", **{
            "127.0.0.1:8090": f"127.0.0.1:{self.gate.port}",
            "bind :443": f"bind 127.0.0.1:{plain}\n  bind 127.0.0.1:{port}",
            "/etc/haproxy/camgate.pem": pem}))
        return self.spawn(find("haproxy", "/usr/sbin/haproxy"), "-db", "-f", path)


class GoFront(Server):
    """A compiled clients/front.go."""

    name = "go-front"

    def __init__(self, folder, gate, pair, program):
        super().__init__(folder)
        self.port, self.gate, self.pair, self.program = ports.take(), gate, pair, program

    def start(self):
        return self.spawn(self.program, f"127.0.0.1:{self.port}",
                          f"http://127.0.0.1:{self.gate.port}", *self.pair)

    @property
    def fronts(self):
        return {"go-h2": f"https://127.0.0.1:{self.port}"}

    def ready(self):
        return connects(self.port)
