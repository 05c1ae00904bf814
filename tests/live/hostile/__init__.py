"""Hostile bytes for HTTP listeners, and the wire they are sent over.

A case is (name, bytes, statuses): what is sent on a connection of its own, and the
statuses one of which must be its one and only answer.  The lists are functions of a
`Base`, which holds what a request of the listener under test needs.
"""
from dataclasses import dataclass


@dataclass(frozen=True)
class Base:
    """A valid request of a listener, in parts, and another that must never be run."""

    get: str          # path of a GET that would be answered with 2xx
    post: str         # path of a POST that would be
    fields: bytes     # header lines that every request of it carries, each with its CRLF
    body: bytes       # of the POST
    prize: bytes      # a whole valid request whose success can be seen afterwards

    def head(self, line, *fields):
        return (line.encode("latin-1") + b"\r\nHost: gate\r\n" + self.fields +
                b"".join(f if isinstance(f, bytes) else f.encode("latin-1")
                         for f in fields))

    def a_get(self, *fields):
        return self.head(f"GET {self.get} HTTP/1.1", *fields) + b"\r\n"

    def a_post(self, *fields, body=None):
        """The length stands in `fields`, when there is to be one."""
        return self.head(f"POST {self.post} HTTP/1.1", *fields) + b"\r\n" + (
            self.body if body is None else body)

    def lined(self, line):
        return self.head(line) + b"\r\n"


def distinct(cases):
    """The cases, each of them once; two names for the same bytes are a mistake."""
    seen, names = {}, set()
    for name, data, _ in cases:
        assert seen.setdefault(data, name) == name and name not in names, \
            f"{name} is {seen[data]} again"
        names.add(name)
    return cases
