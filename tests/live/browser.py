"""Headless Chromium, and pages of an origin of their own for it to open."""
import html
import http.server
import json
import os
import re
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

# Virtual time stands still while a request is under way, so the DOM is dumped when the
# script is over, however busy the machine is.
PAGE = """<!doctype html><meta charset="utf-8"><title>a page</title><body><script>
const given = {given};
async function script() {{
{script}
}}
script().catch(e => ({{threw: `${{e.name}}: ${{e.message}}`}})).then(result => {{
  const pre = document.createElement("pre");
  pre.id = "result";
  pre.textContent = JSON.stringify(result);
  document.body.append(pre);
}});
</script>"""


class Site:
    """A web server of one page; its origin is what a gate lists, or does not."""

    def __init__(self, host="127.0.0.1"):
        self.port = ports.take()
        self.origin = f"http://{host}:{self.port}"
        self.page = b""
        site = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200 if self.path == "/" else 404)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Length", str(len(site.page)))
                self.end_headers()
                self.wfile.write(site.page)

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
        found = re.search(r'<pre id="result">(.*?)</pre>', dom(self.origin + "/", *flags),
                          re.DOTALL)
        assert found, "the page came to no end"
        return json.loads(html.unescape(found[1]))


def chromium():
    """Path of the browser, or None."""
    return find("chromium")


def dom(url, *flags):
    """The document at the URL when its scripts are over, as HTML."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        log = Path(profile) / "stderr"
        with log.open("wb") as errors, subprocess.Popen(
                [chromium(), *FLAGS, *flags, f"--user-data-dir={profile}/profile",
                 "--virtual-time-budget=60000", "--dump-dom", url],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors,
                start_new_session=True) as child:
            try:
                text, _ = child.communicate(timeout=BOUND_S)
            finally:
                end_all(child)
        assert child.returncode == 0, log.read_text(errors="replace")[-4000:]
        return text.decode()


def end_all(child):
    """The browser and whatever it started, which is one session."""
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
