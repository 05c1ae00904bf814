"""Requests that two readers may take apart in two ways, each with a prize behind it.

The prize is a whole valid request.  Whoever splits the bytes where the attacker wants it
runs it; a reader that refuses the first request and drops the rest does not.
"""
from . import distinct

BAD = {400}

# Ways to write a coding that one reader takes for `Transfer-Encoding: chunked` and
# another overlooks.  The first group is the field proper; the second breaks the grammar.
PLAIN = ("Transfer-Encoding: chunked", "Transfer-Encoding:chunked",
         "Transfer-Encoding:  chunked", "Transfer-Encoding:\tchunked",
         "Transfer-Encoding: chunked\t", "Transfer-Encoding: chunked ",
         "transfer-encoding: chunked", "TRANSFER-ENCODING: CHUNKED",
         "tRANSFER-eNCODING: cHUNKED", "Transfer-Encoding: Chunked",
         "Transfer-Encoding: xchunked", "Transfer-Encoding: chunkedx",
         "Transfer-Encoding: identity", "Transfer-Encoding: identity, chunked",
         "Transfer-Encoding: chunked, identity", "Transfer-Encoding: gzip, chunked",
         "Transfer-Encoding: chunked, chunked", "Transfer-Encoding: ,chunked",
         "Transfer-Encoding: chunked,", "Transfer-Encoding: chunked;a=b",
         'Transfer-Encoding: "chunked"', "Transfer-Encoding: 'chunked'",
         "Transfer-Encoding: (chunked)", "Transfer-Encoding: [chunked]",
         "Transfer-Encoding: chunked#", "Transfer-Encoding: \xa0chunked",
         "Transfer-Encoding: chunked\xff", "Transfer-Encoding:",
         "Transfer-Encoding: x\r\nTransfer-Encoding: chunked",
         "Transfer-Encoding: chunked\r\nTransfer-Encoding: x",
         "Transfer-Encoding: chunked\r\nTransfer-encoding: cow",
         "X: y\r\nTransfer-Encoding: chunked",
         "Connection: close\r\nTransfer-Encoding: chunked")
BROKEN = ("Transfer-Encoding : chunked", "Transfer-Encoding\t: chunked",
          " Transfer-Encoding: chunked", "\tTransfer-Encoding: chunked",
          "Transfer-Encoding: \x0bchunked", "Transfer-Encoding: \x0cchunked",
          "Transfer-Encoding: chunked\x0b", "Transfer-Encoding: chunked\0",
          "Transfer-Encoding: \0chunked", "Transfer-Encoding\0: chunked",
          "\0Transfer-Encoding: chunked", "Transfer-Encoding:\r\n chunked",
          "Transfer-Encoding:\r\n\tchunked", "Transfer-Encoding\r\n : chunked",
          "Transfer-Encoding:\n chunked", "Transfer Encoding: chunked",
          "Transfer-Encoding:\rchunked", "X: y\nTransfer-Encoding: chunked",
          "X: y\rTransfer-Encoding: chunked", "X: y\r\n Transfer-Encoding: chunked",
          "X:\nTransfer-Encoding: chunked", "Transfer-Encoding\x7f: chunked",
          "Transfer-\xc3\x8bncoding: chunked", "Transfer-Encoding;: chunked",
          "Transfer-Encoding: chun\x00ked", "Transfer-Encoding\r: chunked",
          "\rTransfer-Encoding: chunked", "\x0bTransfer-Encoding: chunked",
          "Transfer-Encoding\xa0: chunked",
          "Content-Encoding\x01: x\r\nTransfer-Encoding: chunked",
          "Foo\r\nTransfer-Encoding: chunked", "Transfer-Encoding= chunked")


def chunked(data, size=None):
    return (size or b"%x" % len(data)) + b"\r\n" + data + b"\r\n0\r\n\r\n"


def length_and_coding(b):
    cases = []
    for text in PLAIN + BROKEN:
        behind = b"0\r\n\r\n" + b.prize
        both = f"Content-Length: {len(behind)}\r\n", text + "\r\n"
        cases.append((f"CL.TE {text!r}", b.a_post(*both, body=behind), BAD))
        cases.append((f"TE then CL {text!r}", b.a_post(*reversed(both), body=behind),
                      BAD))
        inside = chunked(b.prize)
        short = f"Content-Length: {inside.index(b'POST')}\r\n"
        cases.append((f"TE.CL {text!r}", b.a_post(short, text + "\r\n", body=inside),
                      BAD))
    return cases


def two_lengths(b):
    whole, none = len(b.body + b.prize), 0
    n = len(b.body)
    pairs = {"none, whole": (none, whole), "whole, none": (whole, none),
             "body, whole": (n, whole), "whole, body": (whole, n),
             "none, body": (none, n), "body, none": (n, none)}
    cases = []
    for name, (one, two) in pairs.items():
        for form in ("Content-Length: {0}\r\nContent-Length: {1}\r\n",
                     "Content-Length: {0}, {1}\r\n",
                     "Content-Length: {0}\r\ncontent-length: {1}\r\n",
                     "Content-Length: {0} {1}\r\n", "Content-Length: {0}\r\n {1}\r\n",
                     "Content-Length: {0};{1}\r\n",
                     "Content-Length: {0}\r\nX: y\r\nContent-Length: {1}\r\n",
                     "Content-Length: {0}\r\nContent-Length : {1}\r\n",
                     "Content-Length: {0}\r\n Content-Length: {1}\r\n",
                     "Content-Length: {0}\nContent-Length: {1}\r\n"):
            cases.append((f"CL.CL {name} {form!r}",
                          b.a_post(form.format(one, two), body=b.body + b.prize), BAD))
    return cases


def odd_lengths(b):
    n = len(b.body)
    texts = ("+{n}", "-{n}", "0x{n:x}", "0{n}", "{n}.0", "{n}e0", "{n}\0", "{n}\x0b",
             "\x0b{n}", "{n}_", "{n},", "{n} ;", "\"{n}\"", "{n}\xa0", "{big}", "{wrap}",
             "{wrap64}", "-1", "0b0", "{n}\r\n\t0", " \r\n {n}")
    cases = []
    for text in texts:
        value = text.format(n=n, big=10**12, wrap=2**32 + n, wrap64=2**64 + n)
        cases.append((f"CL {text!r}", b.a_post(f"Content-Length: {value}\r\n",
                                               body=b.body + b.prize), {400, 413}))
    for name in ("Content-Length ", "Content-Length\t", " Content-Length",
                 "Content-Length\0", "Content Length", "Content-Length\x0b",
                 "\x0bContent-Length", "Content-Length\xa0", "Content-Length\x7f",
                 "Content-\xc3\x9fength"):
        cases.append((f"CL named {name!r}",
                      b.a_post(f"{name}: {n}\r\n", body=b.body + b.prize), BAD))
    return cases


def bodies_on_bodiless(b):
    cases = []
    for method in ("GET", "HEAD", "DELETE"):
        line = f"{method} {b.get} HTTP/1.1"
        length = f"Content-Length: {len(b.prize)}\r\n"
        cases.append((f"{method} with the prize as body",
                      b.head(line, length) + b"\r\n" + b.prize, BAD))
    return cases


def injections(b):
    """The prize behind a line end that only one of two readers takes for one."""
    prize = b.prize.decode("latin-1")
    cases = []
    for name, end in {"CRLF": "\r\n\r\n", "LF": "\n\n", "CR": "\r\r",
                      "CRLF by halves": "\r\n", "NUL": "\0\r\n\r\n", "VT": "\x0b\x0b",
                      "NEL": "\x85\x85", "line separator": "\xe2\x80\xa8" * 2}.items():
        if end not in ("\x85\x85", "\xe2\x80\xa8" * 2):
            cases.append((f"target with {name}",
                          b.lined(f"GET {b.get}{end}{prize} HTTP/1.1"), BAD))
        if end not in ("\x85\x85", "\xe2\x80\xa8" * 2, "\r\n\r\n"):
            cases.append((f"Host with {name}",
                          f"GET {b.get} HTTP/1.1\r\nHost: "
                          f"a{end}{prize}\r\n\r\n".encode("latin-1"), BAD))
        if name in ("LF", "CR", "NUL", "VT"):
            cases.append((f"value with {name}", b.a_get(f"X: y{end}{prize}\r\n"), BAD))
        cases.append((f"name with {name}", b.a_get(f"X{end}{prize}\r\n"), BAD))
    for code in ("%0d%0a", "%0D%0A%0D%0A", "%0a", "%0d", "%00"):
        cases.append((f"path with {code}",
                      b.lined(f"GET {b.get}/{code}Host:x HTTP/1.1") + b.prize, BAD))
    for target in ("http://a@gate/", "http:///evil", "*", "//evil\\@gate/", "/x y",
                   "/x\ty"):
        cases.append((f"target {target!r} before the prize",
                      b.lined(f"GET {target} HTTP/1.1") + b.prize, BAD))
    return cases


def hop_by_hop(b):
    """Options that would have a proxy drop what frames or names the request."""
    cases = []
    for name in ("Content-Length", "Transfer-Encoding", "Host", "Authorization",
                 "Content-Type", "Connection", "Expect"):
        for form in ("close, {}", "keep-alive, {}", "{}"):
            option = form.format(name)
            cases.append((f"Connection: {option}",
                          b.a_post(f"Connection: {option}\r\n",
                                   f"Content-Length: {len(b.body)}\r\n",
                                                            body=b.body + b.prize), BAD))
    for name, fields in {"two Hosts": "Host: evil\r\n", "a fold": " folded\r\n",
                         "no name": ": x\r\n",
                         "Expect of another kind": "Expect: 200-ok\r\n",
                         "an empty Upgrade": "Upgrade:\r\n"}.items():
        cases.append((f"{name} before the prize", b.a_get(fields) + b.prize, BAD))
    return cases


def prefixes(b):
    """What a reader may skip before a request, or take for the end of one."""
    texts = {"spaces": b" ", "a tab": b"\t", "LF": b"\n", "CR": b"\r",
             "empty lines": b"\r\n\r\n\r\n", "a NUL": b"\0",
             "a chunk's end": b"0\r\n\r\n", "half a line": b"GET / HTT",
             "a status line": b"HTTP/1.1 200 OK\r\n\r\n",
             "a preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
             "a byte order mark": b"\xef\xbb\xbf", "a length": b"5\r\nhello\r\n",
             "version 0.9": f"GET {b.get}\r\n\r\n".encode(),
             "version 0.9, LF": f"GET {b.get}\n".encode(),
             "version 1.2": b.lined(f"GET {b.get} HTTP/1.2"),
             "version 2": b.lined(f"GET {b.get} HTTP/2.0")}
    return [(f"prefix: {name}", text + b.prize, BAD) for name, text in texts.items()]


FAMILIES = (length_and_coding, two_lengths, odd_lengths, bodies_on_bodiless,
            injections, hop_by_hop, prefixes)


def cases(base):
    return distinct([case for family in FAMILIES for case in family(base)])


def swallowed(base):
    """Well framed: the prize is the body, and stays one.  (name, bytes, statuses)"""
    length = f"Content-Length: {len(base.prize)}\r\n"
    return distinct([
        ("the prize as a body", base.a_post(length, body=base.prize),
         {400, 401, 403, 404, 415}),
        ("an expected body", base.a_post(length, "Expect: 100-continue\r\n",
                                         body=base.prize), {400, 401, 403, 404, 415}),
        ("the prize as an unknown method's body",
         base.head(f"BREW {base.post} HTTP/1.1", length) + b"\r\n" + base.prize, {405}),
        ("the prize as a PUT's body",
         base.head(f"PUT {base.post} HTTP/1.1", length) + b"\r\n" + base.prize, {405}),
        ("an OPTIONS with the prize", base.head(f"OPTIONS {base.post} HTTP/1.1", length) +
         b"\r\n" + base.prize, {405}),
    ])
