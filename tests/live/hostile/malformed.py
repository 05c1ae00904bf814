"""Requests that break the grammar of RFC 9112 and 9110, or a bound of the gate's.

Tables first; each function makes one family of cases.  Nothing here depends on the answer
of a handler: all of it is refused before one could run.
"""
import random

from . import distinct

BAD = {400}
CONTROLS = [c for c in range(0x20) if c != 0x09] + [0x7F]
HIGH = [0x80, 0x85, 0x8A, 0x8D, 0xA0, 0xAD, 0xC0, 0xC2, 0xE2, 0xEF, 0xF0, 0xFE, 0xFF]
SEPARATORS = [ord(c) for c in '"(),/;<=>?@[\\]{}']


def each_byte(family, codes, make, statuses=BAD):
    return [(f"{family} {code:02x}", make(bytes([code])), statuses) for code in codes]


def methods(b):
    def with_byte(c):
        return b.a_get().replace(b"GET", b"G" + c + b"T", 1)

    odd = [0x09, 0x20, 0x3A] + CONTROLS + SEPARATORS + HIGH
    cases = each_byte("method with", odd, with_byte)
    for text in ("", " GET", "\tGET", ":GET", "GET:", "GET/", "\"GET\"", "G" * 25,
                 "GET\0", "\0GET", "\x7fGET", "GET\x0b", "GET\x0c", "\u00c4"):
        cases.append((f"method {text!r}", b.lined(f"{text} {b.get} HTTP/1.1"), BAD))
    return cases


def versions(b):
    texts = ("", "HTTP", "HTTP/", "HTTP/1", "HTTP/1.", "HTTP/.1", "HTTP/1.2", "HTTP/1.9",
             "HTTP/0.9", "HTTP/0.0", "HTTP/2", "HTTP/2.0", "HTTP/3", "HTTP/1.10",
             "HTTP/1.01", "HTTP/01.1", "HTTP/1.1.1", "HTTP/11", "HTTP/-1.1", "HTTP/+1.1",
             "HTTP/1,1", "HTTP/1 1", "HTTP /1.1", "HTTP/ 1.1", "HTTP 1.1", "http/1.1",
             "Http/1.1", "HTTPS/1.1", "HTCPCP/1.0", "HTTP/1.1 ", " HTTP/1.1",
             "HTTP/1.1\t", "\tHTTP/1.1", "HTTP/1.1 x", "HTTP/1.1,HTTP/1.1",
             "HTTP/1.1 HTTP/1.1", "HTTP/1.1;q=1", "HTTP/1.1\0", "HTTP/1.1\x0b",
             "HTTP/\u00b9.1", "HTTP/1.x", "HTTP/x.1", "HTTP\\1.1", "ICY/1.1", "RTSP/1.0",
             "SIP/2.0")
    return [(f"version {text!r}", b.lined(f"GET {b.get} {text}"), BAD) for text in texts]


def lines(b):
    path = b.get
    texts = {
        "tab before the target": f"GET\t{path} HTTP/1.1",
        "two spaces": f"GET  {path} HTTP/1.1", "no version": f"GET {path}",
        "method alone": "GET", "two targets": f"GET {path} {path} HTTP/1.1",
        "no target": "GET HTTP/1.1", "nothing": "", "colon": ":",
        "a field first": "Accept: */*", "a status line": "HTTP/1.1 200 OK",
        "vertical tabs": f"GET\x0b{path}\x0bHTTP/1.1",
        "form feeds": f"GET\x0c{path}\x0cHTTP/1.1",
        "no-break spaces": f"GET\xa0{path}\xa0HTTP/1.1",
        "carriage returns": f"GET\r{path}\rHTTP/1.1", "reversed": f"HTTP/1.1 {path} GET",
    }
    cases = [(f"line: {name}", b.lined(text), BAD) for name, text in texts.items()]
    cases.append(("three empty lines before", b"\r\n\r\n\r\n" + b.a_get(), BAD))
    cases.append(("two empty lines before", b"\r\n\r\n" + b.a_get(), BAD))
    cases.append(("a bare LF before", b"\n" + b.a_get(), BAD))
    cases.append(("a bare CR before", b"\r" + b.a_get(), BAD))
    cases.append(("a space and an empty line before", b" \r\n" + b.a_get(), BAD))
    return cases


def targets(b):
    def with_path(c):
        return b.lined(f"GET {b.get}/{c.decode('latin-1')}x HTTP/1.1")

    def with_query(c):
        return b.lined(f"GET {b.get}?a={c.decode('latin-1')}x HTTP/1.1")

    odd = [0x09, 0x20] + CONTROLS + HIGH + [ord(c) for c in "#<>\\"]
    cases = each_byte("path with", odd + [ord(c) for c in '"[]^`{|}'], with_path) + \
        each_byte("query with", odd, with_query)
    for code in [0x00, 0x01, 0x09, 0x0A, 0x0D, 0x1B, 0x1F, 0x2F, 0x5C, 0x7F]:
        cases.append((f"path encodes {code:02x}",
                      b.lined(f"GET {b.get}/%{code:02x}x HTTP/1.1"), BAD))
    for text in ("%", "%2", "%%", "%zz", "%2g", "%g2", "%u0041", "% 41", "%0x41", "%-1"):
        cases.append((f"path ends in {text}", b.lined(f"GET {b.get}/{text} HTTP/1.1"),
                      BAD))
        cases.append((f"query ends in {text}", b.lined(f"GET {b.get}?a={text} HTTP/1.1"),
                      BAD))
    cases.append(("query encodes 00", b.lined(f"GET {b.get}?a=%00 HTTP/1.1"), BAD))
    for text in ("/.", "/..", "/./x", "/../x", "/%2e", "/%2E%2e", "/.%2e/x", "/%2e./x",
                 "/x/..", "/x/../..", "/x/./y", "/../../../../etc/passwd",
                 "/%2e%2e/%2e%2e/etc/passwd"):
        cases.append((f"dots {text}", b.lined(f"GET {b.get}{text} HTTP/1.1"), BAD))
    for text in ("*", "x", "?x", "gate:80", "http:/x", "http:x", "[::1]:80",
                 "javascript:x", "file:///etc/passwd", "\\x", "http://", "http:///x",
                 "http://a@gate/", "http://a:b@gate/", "http://gate:x/",
                 "http://gate:65536/", "http://:80/", "http://[1.2.3.4]/",
                 "http://[::1/", "http://[v1.x]/", "http://gate#x", "http://gate\\x/",
                 "http://g%61te/", "http://gate/../x", "http://gate/%2e%2e/x",
                 "http://gate/%2f", "http://gate/a|b", "http://gate?a=%00", "ftp://gate/",
                 "ws://gate/", "httpss://gate/", "://gate/"):
        cases.append((f"target {text}", b.lined(f"GET {text} HTTP/1.1"), BAD))
    cases.append(("CONNECT", b.lined("CONNECT gate:80 HTTP/1.1"), BAD))
    for text in ("**", "*?", "*/", "/*\0"):
        cases.append((f"OPTIONS {text!r}", b.lined(f"OPTIONS {text} HTTP/1.1"), BAD))
    return cases


def line_ends(b):
    whole = b.a_post(f"Content-Length: {len(b.body)}\r\n")
    head = whole[:len(whole) - len(b.body)]
    at = [i for i in range(len(head)) if head[i:i + 2] == b"\r\n"]
    cases = []
    for n, i in enumerate(at):
        for name, end in (("LF", b"\n"), ("CR", b"\r"), ("CRCRLF", b"\r\r\n"),
                          ("LFCR", b"\n\r"), ("NULCRLF", b"\0\r\n"),
                          ("CRSPLF", b"\r \n")):
            cases.append((f"line {n} ends in {name}", whole[:i] + end + whole[i + 2:],
                          BAD))
    return cases


def field_names(b):
    def with_byte(c):
        return b.a_get(b"X" + c + b"Y: z\r\n")

    odd = [0x09, 0x20] + CONTROLS + SEPARATORS + HIGH
    cases = each_byte("name with", odd, with_byte)
    for text in ("X\r\n", ": z\r\n", "X : z\r\n", "X\t: z\r\n", " X: z\r\n", "\tX: z\r\n",
                 " : z\r\n", "X\xa0: z\r\n", "GET / HTTP/1.1\r\n", "X: y\r\n z\r\n",
                 "X: y\r\n\tz\r\n", "X: y\r\n \r\n", "X:\r\n y\r\n",
                 "X: y\r\n \r\n z\r\n", "\x0bX: z\r\n", "X\x0c: z\r\n", "\u00c4: z\r\n",
                 "\xef\xbb\xbfX: z\r\n"):
        cases.append((f"field {text!r}", b.a_get(text), BAD))
    return cases


def field_values(b):
    def with_byte(c):
        return b.a_get(b"X: a" + c + b"b\r\n")

    def at_end(c):
        return b.a_get(b"X: a" + c + b"\r\n")

    return (each_byte("value with", CONTROLS, with_byte) +
            each_byte("value ends in", [c for c in CONTROLS if c != 0x0D], at_end))


def hosts(b):
    line = f"GET {b.get} HTTP/1.1\r\n".encode()

    def with_host(text):
        return line + b.fields + f"Host:{text}\r\n\r\n".encode("latin-1")

    values = ("", " ", "\t", " a b", " a,b", " a, b", " a/b", " a@b", " http://a", " a?b",
              " a#b", " a\\b", " a:b", " a:80:80", " a:65536", " a:99999999999", " a:+80",
              " a:-1", " a: 80", " :80", " :", " []", " [::1", " ::1", " [::1]x",
              " [::1]:x", " [xyz]", " [a b]", " [1.2.3.4]", " [1.2.3.4]:80",
              " [:]", " [:::]", " [1::2::3]",
              " [12345::]", " [::1%25lo]", " [v1.a]", " [[::1]]", " [::1]]",
              " \xe4", " a\x00", " a\x01", " a%41",
              " <a>", " {a}", " a;b", " 'a'", ' "a"', " a|b", " a^b", " a`b", " (a)",
              " a=b", " a&b", " $a", " !a", " *", " a\x7f")
    cases = [(f"Host:{text!r}", with_host(text), BAD) for text in values]
    for name, fields in {
            "no Host": b"", "two Hosts": b"Host: gate\r\nHost: gate\r\n",
            "two Hosts that differ": b"Host: gate\r\nHost: evil\r\n",
            "hOsT again": b"Host: gate\r\nhOsT: gate\r\n",
            "Host with a space": b"Host : gate\r\n",
            "Host folded": b"X: y\r\n Host: gate\r\n", "Host_": b"Host_: gate\r\n",
            "folded value": b"Host:\r\n gate\r\n", "X-Host": b"X-Host: gate\r\n",
            "three Hosts": b"Host: a\r\nHost: b\r\nHost: c\r\n"}.items():
        cases.append((name, line + fields + b.fields + b"\r\n", BAD))
    return cases


def lengths(b):
    n = len(b.body)
    values = ("", " ", "+{n}", "-{n}", "--{n}", "{n} {n}", "{n},{n}", "{n}, {n}", "{n};",
              "{n}.0", "{n}e0", "0x{n}", "0{n}", "00", "000", "\"{n}\"", "'{n}'", "({n})",
              "many", "\xb2", "\x00{n}", "{n}\x0b", "\x0b{n}", "{n}\x0c", "_{n}", "{n}_",
              "1_0", "{n}L", "{n}bytes", "bytes={n}", "{n}/{n}", "{n}-{n}", "{n}:{n}",
              "{n}\xa0", "\xa0{n}", "NaN", "Infinity", "true", "null", "-0", "-1", "+0",
              "0 0", "0,0", "1 ,", ",{n}", "{n},", "%31", "\u00b9\u00b2", "\x7f{n}",
              "{n}\x1f", "!", "*", "0b1", "0o7", "1'0", "1.0.0")
    cases = [(f"length {text!r}",
              b.a_post("Content-Length: " + text.format(n=n) + "\r\n"), BAD)
             for text in values]
    for digits in ("65537", "99999999", "999999999", "2147483648", "4294967295",
                   "4294967296", str(2**32 + n), str(2**63), str(2**64), str(2**64 + n),
                   str(2**65), "9" * 64):
        cases.append((f"length {digits}", b.a_post(f"Content-Length: {digits}\r\n"),
                      {413}))
    length = f"Content-Length: {n}\r\n"
    for name, fields in {
            "same twice": length * 2, "same thrice": length * 3,
            "n and 0": length + "Content-Length: 0\r\n",
            "0 and n": "Content-Length: 0\r\n" + length,
            "other case": length + length.lower(),
            "space before the colon": f"Content-Length : {n}\r\n",
            "tab": f"Content-Length\t: {n}\r\n", "indented": f" Content-Length: {n}\r\n",
            "colonless": f"Content-Length {n}\r\n",
            "folded": f"Content-Length:\r\n {n}\r\n",
            "fold behind": f"Content-Length: {n}\r\n 0\r\n",
            "NUL name": f"Content-Length\0: {n}\r\n"}.items():
        cases.append((f"lengths: {name}", b.a_post(fields), BAD))
    cases.append(("a GET with a body", b.a_get(length) + b.body, BAD))
    for method in ("HEAD", "DELETE"):
        cases.append((f"a {method} with a body", b.head(f"{method} {b.get} HTTP/1.1",
                                                        length) + b"\r\n" + b.body, BAD))
    return cases


def codings(b):
    values = ("identity", "gzip", "deflate", "compress",
              "br", "x", "", " ", "gzip, chunked", "chunked, gzip", "chunked, chunked",
              "chunked;q=1", "\"chunked\"", "chunked,", ",chunked", "x-chunked",
              "chunke", "chunkedd", "c hunked",
              "trailers", "identity, chunked", "chunked chunked", "cow")
    return [(f"coding {text!r}",
             b.a_post(f"Transfer-Encoding: {text}\r\n", body=b"0\r\n\r\n"), BAD)
            for text in values]


def fields_of_one_hop(b):
    texts = ("Connection: cl ose", "Connection: \"close\"", "Connection: close; x",
             "Connection: Host", "Connection: close, content-length",
             "Connection: Transfer-Encoding", "Connection: \xe4",
             "Connection: authorization", "Connection: keep-alive, connection",
             "Connection: content-type", "Connection: expect", "Connection: /",
             "Connection: a=b", "Expect: 200-ok", "Expect:", "Expect: 100-continue, x",
             "Expect: 100", "Expect: 100-continue\r\nExpect: 100-continue", "Upgrade:",
             "Content-Type: a/b\r\nContent-Type: a/b",
             "Idempotency-Key: a\r\nIdempotency-Key: b",
             "Sec-WebSocket-Key: a\r\nSec-WebSocket-Key: a",
             "Authorization: a\r\nAuthorization: b")
    return [(f"hop: {text!r}", b.a_get(text + "\r\n"), BAD) for text in texts]


def sizes(b):
    many = "".join(f"X-{n}: {n}\r\n" for n in range(1000))
    return [
        ("a target of 8193",
         b.lined(f"GET {b.get}?{'a' * (8193 - len(b.get) - 1)} HTTP/1.1"), {414}),
        ("a target of 16000", b.lined(f"GET /{'a' * 16000} HTTP/1.1"), {414}),
        ("a target of 60000", b.lined(f"GET /{'a' * 60000} HTTP/1.1"), {414}),
        ("a target without end", b"GET /" + b"a" * 60000, {414}),
        ("a method without end", b"A" * 60000, {400, 414}),
        ("1000 fields", b.a_get(many), {431}),
        ("65 fields", b.a_get("".join(f"X-{n}: {n}\r\n" for n in range(65))), {431}),
        ("65 fields of one name", b.a_get("X: y\r\n" * 65), {431}),
        ("a value of 16 KiB", b.a_get(f"X: {'y' * 16384}\r\n"), {431}),
        ("a value of 60000", b.a_get(f"X: {'y' * 60000}\r\n"), {431}),
        ("a value without end", b.a_get()[:-2] + b"X: " + b"y" * 60000, {431}),
        ("a name of 16 KiB", b.a_get(f"{'X' * 16384}: y\r\n"), {431}),
        ("a name without end", b.a_get()[:-2] + b"X" * 60000, {431}),
        ("spaces without end", b.a_get()[:-2] + b"X:" + b" " * 60000, {431}),
        ("60 fields of 300",
         b.a_get("".join(f"X-{n}: {'y' * 300}\r\n" for n in range(60))), {431}),
        ("a body of 64 KiB and one",
         b.a_post("Content-Length: 65537\r\n", body=b"x" * 65537), {413}),
        ("a body of 300000", b.a_post("Content-Length: 300000\r\n", body=b"x" * 300000),
         {413}),
    ]


def other_protocols(b):
    hello = bytes.fromhex("16030100c8010000c40303") + bytes(range(32)) + bytes.fromhex(
        "00003ec02cc030009fcca9cca8ccaac02bc02f009e") + bytes(120)
    cases = {
        "TLS 1.0 hello": hello, "TLS 1.2 hello": b"\x16\x03\x03" + hello[3:],
        "TLS alert": b"\x15\x03\x01\x00\x02\x02\x28",
        "SSLv2 hello": bytes.fromhex(
            "802e0100020015000000100100800200800300800400800500800600400700c0"),
        "HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0",
        "HTTP/0.9": f"GET {b.get}\r\n\r\n".encode(), "SSH": b"SSH-2.0-OpenSSH_9.2\r\n",
        "SMTP": b"EHLO gate\r\n", "Redis": b"*1\r\n$4\r\nPING\r\n",
        "Redis inline": b"PING\r\n", "memcached": b"stats\r\n", "FTP": b"USER a\r\n",
        "IMAP": b"a1 LOGIN a b\r\n", "POP3": b"AUTH\r\n", "IRC": b"NICK a\r\n",
        "SIP": b"INVITE sip:a@b SIP/2.0\r\n\r\n",
        "RTSP": b"DESCRIBE rtsp://gate/1 RTSP/1.0\r\nCSeq: 1\r\n\r\n",
        "MQTT": b"\x10\x10\0\4MQTT\4\2\0\x3c\0\4test",
        "PROXY v1": b"PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n" + b.a_get(),
        "PROXY v2": b"\r\n\r\n\0\r\nQUIT\n!\x11\0\x0c" + bytes(12) + b.a_get(),
        "STUN": bytes.fromhex("000100002112a442") + bytes(12), "SOCKS5": b"\5\1\0",
        "SOCKS4": b"\4\1\0\x50\x7f\0\0\1\0",
        "a WebSocket frame": b"\x81\x85\1\2\3\4abcde",
        "gzip": b"\x1f\x8b\x08\0\0\0\0\0\0\3", "XML": b"<?xml version='1.0'?>\r\n",
        "JSON": b'{"camera_id": "lobby-1"}\r\n',
        "UTF-16": b.a_get().decode("latin-1").encode("utf-16"),
        "a byte order mark": b"\xef\xbb\xbf" + b.a_get(), "zeros": bytes(64),
        "ones": b"\xff" * 64, "a telnet option": b"\xff\xfb\x18" + b.a_get(),
        "RDP": b"\3\0\0\x13\x0e\xe0\0\0\0\0\0\1\0\x08\0\3\0\0\0",
        "a DNS query": bytes.fromhex(
            "001d000001000001000000000000037777770567617465000001"),
    }
    dice = random.Random(9112)
    for n in range(24):
        noise = dice.randbytes(dice.randrange(8, 400))
        cases[f"noise {n}"] = b"\x80" + noise  # a first byte that no method begins with
    return [(f"not HTTP: {name}", data, BAD) for name, data in cases.items()]


FAMILIES = (methods, versions, lines, targets, line_ends, field_names, field_values,
            hosts, lengths, codings, fields_of_one_hop, sizes, other_protocols)


def cases(base):
    return distinct([case for family in FAMILIES for case in family(base)])


def truncated(base):
    """A valid request cut at each of its bytes: never whole, so only a deadline ends
    it."""
    whole = base.a_post(f"Content-Length: {len(base.body)}\r\n")
    return distinct([(f"cut at {n}", whole[:n], {408}) for n in range(1, len(whole))])
