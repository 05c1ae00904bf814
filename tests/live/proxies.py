"""Real HTTP proxies in front of a gate, with connections to it that are kept and shared.

Both refuse what a gate's guest may not do, as a site's front would: `forbidden` is a path
that they answer with 403.  So a lease made through them was smuggled.
"""
import ports
from servers import Server, connects, find


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
