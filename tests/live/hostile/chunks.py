"""Chunked bodies that two readers may end in two places, each with a prize behind it.

The coding stands alone and in HTTP/1.1, as it is taken; the attack is in the chunks, or
in how the coding is written.  What is framed well although it looks odd is in `framed`,
with the answers to each request of it.
"""
from . import distinct
from .smuggling import BROKEN, PLAIN, chunked

BAD, TOO_LARGE, LATE = {400}, {413}, {408}
FIELD = "Transfer-Encoding: chunked\r\n"
# of PLAIN: the field as it is taken
TAKEN = ("chunked", "chunked\t", "chunked ", "\tchunked", "Chunked", "CHUNKED", "cHUNKED")


def posted(b, body, field=FIELD):
    return b.a_post(field, body=body + b.prize)


def sizes(b):
    """Of the last chunk: who reads another number there, or none, ends elsewhere."""
    texts = ("", "-0", "+0", "-1", "+1", "0x0", "0X0", "0x1", "x0", " 0", "0 ", "\t0",
             "0\t", "0 0", "0_0", "_0", "0_", "0,0", ",0", "0,", "0\x0b", "\x0b0",
             "0\x0c", "\x0c0", "0\0", "\x000", "0h", "h0", "g", "0g", "G0", "0L", "0.0",
             ".0", "'0'", '"0"', "(0)", "[0]", "0=", "=0", "0:", ":0", "%30", "0%0d",
             "\xb2", "\xef\xbc\x90", "0\xa0", "\xa00", "0\x7f", "0\x1b", "0\x85", "0#",
             "0/0", "0*1", "!0", "0\r", "\r0", "\\0", "0\\n", "$0", "~0", "0000000000",
             "0" * 9, "0" * 16, "0" * 4096, "NaN", "nil", "zero", "chunked")
    cases = [(f"size {text[:20]!r} of {len(text)}",
              posted(b, text.encode("latin-1") + b"\r\n\r\n"), BAD) for text in texts]
    return cases


def endless(b):
    """Chunks that are longer than all that is sent: a proxy waits for the rest."""
    cases = [(f"size {text}", posted(b, text.encode() + b"\r\n"), TOO_LARGE)
             for text in ("10001", "00010001", "7fffffff", "80000000", "FFFFFFFF",
                          "fffffff0", "10000000")]
    cases += [(f"size {text}", posted(b, text.encode() + b"\r\n"), BAD)
              for text in ("1" + "0" * 8, "1" + "0" * 16, "f" * 9, "f" * 16, "f" * 17,
                           "8" + "0" * 15)]
    return distinct(cases)


def extensions(b):
    texts = (";", ";a", ";a=b", ';a="b"', " ;a=b", "\t;a", ";\ta", ";a=b;c=d",
             ';a="\r\n\r\n"', ";a\nb", ";a\rb", ";a\0b", ";=", ";;", ";a=\xff", ";\\\r\n",
             ";a=" + "b" * 5000, "&a=b", "?a", "#a")
    cases = []
    for text in texts:
        tail = text.encode("latin-1")
        cases.append((f"last chunk extended by {text[:20]!r}",
                      posted(b, b"0" + tail + b"\r\n\r\n"), BAD))
        cases.append((f"chunk extended by {text[:20]!r}",
                      posted(b, chunked(b.body, b"%x" % len(b.body) + tail)), BAD))
    return cases


def line_ends(b):
    n, body = b"%x" % len(b.body), b.body
    bodies = {"size LF": n + b"\n" + body + b"\r\n0\r\n\r\n",
              "size CR": n + b"\r" + body + b"\r\n0\r\n\r\n",
              "size LFCR": n + b"\n\r" + body + b"\r\n0\r\n\r\n",
              "size CRCRLF": n + b"\r\r\n" + body + b"\r\n0\r\n\r\n",
              "size NULCRLF": n + b"\0\r\n" + body + b"\r\n0\r\n\r\n",
              "size CRLFLF": n + b"\r\n\n" + body + b"\r\n0\r\n\r\n",
              "data LF": n + b"\r\n" + body + b"\n0\r\n\r\n",
              "data CR": n + b"\r\n" + body + b"\r0\r\n\r\n",
              "data without end": n + b"\r\n" + body + b"0\r\n\r\n",
              "data CRLFCRLF": n + b"\r\n" + body + b"\r\n\r\n0\r\n\r\n",
              "data LFLF": n + b"\r\n" + body + b"\n\n0\r\n\r\n",
              "data and a space": n + b"\r\n" + body + b" \r\n0\r\n\r\n",
              "last LF": b"0\n\r\n", "last CR": b"0\r\r\n", "last LFLF": b"0\n\n",
              "last CRCR": b"0\r\r", "last CRLFLF": b"0\r\n\n", "last CRLFCR": b"0\r\n\r",
              "last CRLFCRCRLF": b"0\r\n\r\r\n", "last CRLF alone": b"0\r\n",
              "no last chunk": n + b"\r\n" + body + b"\r\n", "nothing": b"",
              "CRLF first": b"\r\n" + chunked(body), "LF first": b"\n" + chunked(body),
              "spaces first": b"  " + chunked(body), "NUL first": b"\0" + chunked(body)}
    return [(f"chunk: {name}", posted(b, data), BAD) for name, data in bodies.items()]


def wrong_sizes(b):
    n, body = len(b.body), b.body
    cases = [(f"size {name}", posted(b, chunked(body, b"%x" % size)), BAD)
             for name, size in {"1 less": n - 1, "1 more": n + 1, "2 more": n + 2,
                                "3 more": n + 3}.items()]
    cases.append(("one too long", posted(b, chunked(b"x" * 65537)), TOO_LARGE))
    cases.append(("many of a byte", posted(b, b"1\r\nx\r\n" * 20000 + b"0\r\n\r\n"),
                  TOO_LARGE))
    cases.append(("more in all than in one", posted(b, b"8001\r\n" + b"x" * 0x8001 +
                                                    b"\r\n" + chunked(b"x" * 0x8000)),
                  TOO_LARGE))
    return cases


def trailers(b):
    texts = ("X: y", "Content-Length: 5", "Transfer-Encoding: chunked", "Host: evil",
             "Authorization: Bearer x", "X:", ": y", ":", "X", " X: y", "\t", " ", "\0",
             "Trailer: X", "Connection: close", "0", "GET / HTTP/1.1")
    cases = [(f"trailer {text!r}", posted(b, b"0\r\n" + text.encode() + b"\r\n\r\n"),
              BAD) for text in texts]
    cases.append(("a trailer that was announced",
                  posted(b, b"0\r\nX: y\r\n\r\n", FIELD + "Trailer: X\r\n"), BAD))
    return cases


def codings(b):
    """Not the field as it is taken."""
    odd = [text for text in PLAIN if text.partition(":")[2] not in
           [space + value for space in ("", " ", "  ") for value in TAKEN]]
    odd = [text for text in odd if not text.startswith(("X:", "Connection:"))]
    more = ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
            "Transfer-Encoding: chunked\r\ntransfer-encoding: identity",
            "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding:",
            "Transfer-Encoding: chunked\r\nConnection: Transfer-Encoding",
            "Transfer-Encoding: trailers, chunked", "Transfer-Encoding: chunked chunked",
            "Transfer-Encoding: chunked\r\nContent-Length: 0",
            "Content-Length: 0\r\nTransfer-Encoding: chunked",
            "Transfer-Encoding: deflate, chunked", "Transfer-Encoding: chun ked",
            "Transfer-Encoding: chunked\\", "Transfer-Encoding: /chunked")
    return [(f"alone {text!r}", posted(b, chunked(b.body), text + "\r\n"), BAD)
            for text in [*odd, *BROKEN, *more]]


def old_and_bodiless(b):
    cases = [("HTTP/1.0", b.head(f"POST {b.post} HTTP/1.0", FIELD) + b"\r\n" +
              chunked(b.body) + b.prize, BAD),
             ("HTTP/1.0, kept", b.head(f"POST {b.post} HTTP/1.0", FIELD,
                                       "Connection: keep-alive\r\n") + b"\r\n" +
              chunked(b.body) + b.prize, BAD)]
    for method in ("GET", "HEAD", "DELETE"):
        for size in (b"1", b"%x" % len(b.prize), b"ffffffff"):
            cases.append((f"{method} with {size.decode()}",
                          b.head(f"{method} {b.get} HTTP/1.1", FIELD) + b"\r\n" +
                          chunked(b.prize, size), BAD))
    return cases


FAMILIES = (sizes, extensions, line_ends, wrong_sizes, trailers, codings,
            old_and_bodiless)


def cases(base):
    return distinct([case for family in FAMILIES for case in family(base)])


def truncated(base):
    """A valid request in three chunks cut at each byte of its body; and the prize in a
    chunk that does not end."""
    whole = base.a_post(FIELD, body=b"5\r\n12345\r\n000b\r\n12345678901\r\n0\r\n\r\n")
    head = whole.index(b"\r\n\r\n") + 4
    cases = [(f"chunks cut at {n - head}", whole[:n], LATE)
             for n in range(head, len(whole))]
    cases.append(("a chunk without end",
                  base.a_post(FIELD, body=b"ffff\r\n" + base.prize), LATE))
    return distinct(cases)


def framed(b):
    """Whole requests one behind the other: (name, bytes, the statuses in their order)."""
    good = b.a_get()
    options = b.head("OPTIONS * HTTP/1.1") + b"\r\n"
    cases = [
        ("zeros before sizes",
         b.a_post(FIELD, body=chunked(b.body, b"%08X" % len(b.body)) + good), [200, 200]),
        ("the prize in a chunk", b.a_post(FIELD, body=chunked(b.prize) + good),
         [400, 200]),
        ("chunks of a byte", b.a_post(FIELD, body=b"".join(
            b"1\r\n" + bytes([byte]) + b"\r\n" for byte in b.body) + b"0\r\n\r\n" + good),
         [200, 200]),
        ("no chunk", b.a_post(FIELD, body=b"0\r\n\r\n" + good), [400, 200]),
        ("a chunk behind the last", b.a_post(FIELD, body=b"0\r\n\r\n" + chunked(b.body)),
         [400, 400]),
        ("expected chunks", b.a_post(FIELD, "Expect: 100-continue\r\n",
                                     body=chunked(b.body) + good), [200, 200]),
        ("a method unknown", b.head(f"BREW {b.post} HTTP/1.1", FIELD) + b"\r\n" +
         chunked(b.prize) + good, [405, 200]),
        ("the prize in a PUT", b.head(f"PUT {b.post} HTTP/1.1", FIELD) + b"\r\n" +
         chunked(b.prize) + good, [405, 200]),
        ("HTTP/1.0 without length", b.head(f"POST {b.post} HTTP/1.0",
                                           "Connection: keep-alive\r\n") + b"\r\n" +
         b.prize, [400]),
        ("an absolute form", b.lined(f"GET http://evil{b.get} HTTP/1.1") + good,
         [200, 200]),
        ("an absolute form without path", b.lined("GET HTTP://gate HTTP/1.1") + good,
         [404, 200]),
        ("the server as a whole", options + good, [204, 200]),
    ]
    for text in PLAIN:
        name, _, value = text.partition(":")
        if value.strip(" ") in TAKEN and name.lower() == "transfer-encoding":
            body = chunked(b.body) + good
            cases.append((f"taken {text!r}", b.a_post(text + "\r\n", body=body),
                          [200, 200]))
    for method, status in (("GET", 200), ("HEAD", 200), ("DELETE", 405)):
        head = b.head(f"{method} {b.get} HTTP/1.1", FIELD)
        cases.append((f"{method} with no chunk", head + b"\r\n0\r\n\r\n" + good,
                      [status, 200]))
    for method, status in (("POST", 400), ("PUT", 405), ("PATCH", 405)):
        cases.append((f"{method} without length", b.head(f"{method} {b.post} HTTP/1.1") +
                      b"\r\n" + good, [status, 200]))
    for name in ("Content_Length", "Content-Lengt", "XContent-Length", "Content--Length",
                 "Content.Length", "X-Content-Length", "Content"):
        cases.append((f"a length named {name}",
                      b.a_post(f"{name}: {len(b.body)}\r\n", body=b.body + b.prize),
                      [400, 400]))
    return distinct(cases)
