"""What the members written in Python share: the plan, and a line a step.

    PROGRAM PLAN CA TOKEN URL...
"""
import re
import sys
from dataclasses import dataclass

PLAN, CA, TOKEN, *URLS = sys.argv[1:]
LEASE = re.compile(r'"lease_id":\s*"([^"]+)"')


@dataclass
class Step:
    """One request; `body` is None where none is sent."""

    name: str
    method: str
    path: str
    streamed: bool
    body: str | None

    @property
    def headers(self):
        typed = {"Content-Type": "application/json"} if self.body else {}
        return {"Authorization": f"Bearer {TOKEN}"} | typed

    def pieces(self):
        yield self.body[:5].encode()
        yield self.body[5:].encode()


def say(base, name, status, version, kind, text):
    print(base, name, status, version, kind or "", text, sep="\t", flush=True)


def steps(base):
    """Yields each Step and must be sent (status, HTTP version, Content-Type, text)."""
    lease = ""
    with open(PLAN, encoding="utf-8") as plan:
        lines = plan.read().splitlines()
    for line in lines:
        name, method, path, mode, body = line.split("\t")
        answer = yield Step(name, method, path.replace("{lease}", lease),
                            mode == "streamed", body or None)
        found = name.startswith("reserve") and LEASE.search(answer[3])
        lease = found[1] if found else lease
        say(base, name, *answer)


def live(call):
    """call(base, step) for each step at each URL; `call` is made anew by nobody, so that
    what it keeps alive is used again."""
    for base in URLS:
        walk, answer = steps(base), None
        try:
            while True:
                answer = call(base, walk.send(answer))
        except StopIteration:
            pass
        except Exception as error:  # a library's own: the judge wants its words
            say(base, "error", 0, "-", "", repr(error))
