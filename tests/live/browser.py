"""Headless Chromium, and pages of an origin of their own for it to open."""
import http.server
import json
import os
import queue
import signal
import subprocess
import tempfile
import threading
from pathlib import Path

import ports
from servers import find

# The network is loopback: nothing of Chromium's own may look for more.
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
         "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage")
BOUND_S = 120

PAGE = """<!doctype html><meta charset="utf-8"><title>a page</title><body><script>
const given = {given};
async function script() {{
{script}
}}
script().catch(e => ({{threw: `${{e.name}}: ${{e.message}}`}})).then(
  result => fetch("/result", {{method: "POST", body: JSON.stringify(result)}}));
</script>"""


class Site:
    """A web server of one page; its origin is what a gate lists, or does not."""

    def __init__(self, host="127.0.0.1"):
        self.port = ports.take()
        self.origin = f"http://{host}:{self.port}"
        self.page, self.results = b"", queue.Queue()
        site = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.answer(*(200, site.page) if self.path == "/" else (404, b""))

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self.answer(204)
                site.results.put(json.loads(body))

            def answer(self, status, body=b""):
                self.send_response(status)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def run(self, script, *flags, **given):
        """What the page's script returns: the body of an async function, in which
        `given` holds the given.  {"threw": "..."} when it threw."""
        self.page = PAGE.format(script=script, given=json.dumps(given)).encode()
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
            log = Path(profile) / "stderr"
            child = open_page(self.origin + "/", profile, log, *flags)
            try:
                return self.results.get(timeout=BOUND_S)
            except queue.Empty:
                raise AssertionError("the page came to no end:\n"
                                     + log.read_text(errors="replace")[-4000:]) from None
            finally:
                end_all(child)


def chromium():
    """Path of the browser, or None."""
    return find("chromium")


def open_page(url, profile, log, *flags):
    """Chromium with the page, in a session of its own."""
    with log.open("wb") as errors:
        return subprocess.Popen([chromium(), *FLAGS, *flags,
                                 f"--user-data-dir={profile}/profile", url],
                                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                stderr=errors, start_new_session=True)


def end_all(child):
    """The browser and whatever it started."""
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    child.wait()
