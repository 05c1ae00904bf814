"""What a strict server says to which bytes, as Autobahn's sections have them: (name,
what is sent, the messages that come back, the code of the close that follows, or OPEN
when the connection must still be good).  Bytes are frames, whole or not."""
from websocket import BINARY_FRAME as BINARY
from websocket import CLOSE, PING, PONG, TEXT, close_payload, frame

OPEN, CLOSED_AS_SENT, CLOSED_BARE = "open", "as sent", "bare"
STAR = "Hello-µ@ßöäüàá-UTF-8!!"
MIXED = "κόσμε"


def text(payload, **more):
    return frame(TEXT, payload.encode() if isinstance(payload, str) else payload, **more)


def more(payload, **rest):
    return frame(0, payload.encode() if isinstance(payload, str) else payload, **rest)


def framing():
    for kind, name in (TEXT, "text"), (BINARY, "binary"):
        for n in 0, 125, 126, 127, 128, 65535, 65536:
            payload = b"*" * n if kind == TEXT else b"\xfe" * n
            yield (f"1 {name} of {n}", frame(kind, payload), [(kind, payload)], OPEN)


def pings():
    yield "2.1 ping", frame(PING), [(PONG, b"")], OPEN
    yield "2.2 ping with text", frame(PING, b"Hello"), [(PONG, b"Hello")], OPEN
    binary = bytes([0, 255, 254, 253, 252, 251, 0, 255])
    yield "2.3 ping with bytes", frame(PING, binary), [(PONG, binary)], OPEN
    yield "2.4 ping of 125", frame(PING, b"\xfe" * 125), [(PONG, b"\xfe" * 125)], OPEN
    yield "2.5 ping of 126", frame(PING, b"\xfe" * 126), [], 1002
    yield "2.7 pong unasked", frame(PONG), [], OPEN
    yield "2.8 pong unasked, with text", frame(PONG, b"unasked"), [], OPEN
    yield ("2.9 pong unasked, then a ping", frame(PONG, b"unasked") + frame(PING, b"x"),
           [(PONG, b"x")], OPEN)
    ten = [b"payload-%d" % i for i in range(10)]
    yield ("2.10 ten pings", b"".join(frame(PING, p) for p in ten),
           [(PONG, p) for p in ten], OPEN)


def reserved():
    for rsv in range(1, 8):
        for name, opcode in (("text", TEXT), ("binary", BINARY), ("ping", PING),
                             ("close", CLOSE), ("pong", PONG)):
            yield f"3 rsv {rsv} in {name}", frame(opcode, b"", rsv=rsv), [], 1002
    yield ("3.2 behind a text", text("*") + text("*", rsv=2) + frame(PING),
           [(TEXT, b"*")], 1002)


def opcodes():
    for opcode in (*range(3, 8), *range(11, 16)):
        yield f"4 opcode {opcode}", frame(opcode), [], 1002
        yield f"4 opcode {opcode} with payload", frame(opcode, b"reserved"), [], 1002
        yield (f"4 opcode {opcode} behind a text",
               text("*") + frame(opcode, b"x") + frame(PING), [(TEXT, b"*")], 1002)


def fragments():
    one, two = text("frag", fin=0), more("ment")
    whole = [(TEXT, b"fragment")]
    yield "5.1 ping in fragments", frame(PING, b"fr", fin=0) + more("ag"), [], 1002
    yield "5.2 pong in fragments", frame(PONG, b"fr", fin=0) + more("ag"), [], 1002
    yield "5 close in fragments", frame(CLOSE, b"\x03\xe8", fin=0) + more(""), [], 1002
    yield "5.3 text in two", one + two, whole, OPEN
    yield ("5.6 a ping between", one + frame(PING, b"ping") + two,
           [(PONG, b"ping"), *whole], OPEN)
    yield "5.9 continues nothing", more("x") + text("Hello"), [], 1002
    yield "5.10 continues nothing, not last", more("x", fin=0) + text("Hello"), [], 1002
    yield "5.15 continues what was over", one + two + more("x", fin=0), whole, 1002
    yield "5.18 a text in a text", one + text("ment"), [], 1002
    yield "5 a binary in a text", one + frame(BINARY, b"ment"), [], 1002
    yield ("5.19 five with pings", text("1", fin=0) + more("2", fin=0)
           + frame(PING, b"a") + more("3", fin=0) + more("4", fin=0) + frame(PING, b"b")
           + more("5"), [(PONG, b"a"), (PONG, b"b"), (TEXT, b"12345")], OPEN)
    yield ("5 empty ones", text("", fin=0) + more("", fin=0) + more("x", fin=0)
           + more(""), [(TEXT, b"x")], OPEN)
    yield "5 all empty", text("", fin=0) + more(""), [(TEXT, b"")], OPEN


GOOD = ["κόσμε", "Hello-µ@ßöäüàá-UTF-8!!", "\x00", "\x7f", "\x80", "\u07ff", "\u0800",
        "\ud7ff", "\ue000", "\uffff", "\ufffe", "\U00010000", "\U0010ffff", "\U0001fffe",
        "\U0008ffff", "𐌰𐌱", "�"]
BAD = ("80", "bf", "80bf", "80bf80bf80bf", "c0", "c120", "c080", "c1bf", "e08080",
       "e09fbf", "f0808080", "f08fbfbf", "f8888080af", "fc8080808080", "fe", "ff",
       "eda080", "edadbf", "edae80", "edafbf", "edb080", "edbe80", "edbfbf",
       "fefeffff", "eda080edb080", "edafbfedbfbf", "f4908080", "f5808080",
       "cebae1bdb9cf83cebcceb5eda080656469746564", "c3", "e282", "f09f98", "c328",
       "e28228", "e228a1", "f0288cbc", "f09028bc", "f0288c28", "e2e282ac")


def utf8():
    yield ("6.1 empty fragments", text("", fin=0) + more("", fin=0) + more(""),
           [(TEXT, b"")], OPEN)
    for good in GOOD:
        payload = good.encode()
        yield f"6 {payload.hex()}", text(payload), [(TEXT, payload)], OPEN
        each = text(payload[:1], fin=0) + b"".join(more(payload[i:i + 1], fin=0)
                                                   for i in range(1, len(payload)))
        yield f"6 {payload.hex()} by bytes", each + more(""), [(TEXT, payload)], OPEN
    for bad in BAD:
        payload = bytes.fromhex(bad)
        yield f"6 {bad}", text(payload), [], 1007
        yield f"6 {bad} in two", text(payload[:1], fin=0) + more(payload[1:]), [], 1007
        yield f"6 {bad} behind text", text("ab" * 40 + "é" + "c" * 9) + text(payload), [
            (TEXT, ("ab" * 40 + "é" + "c" * 9).encode())], 1007


# The bytes stop before the message is whole: who waits for its end waits for ever.
def fail_fast():
    start, bad = MIXED.encode(), bytes.fromhex("f4908080")
    yield "6.4.1 in fragments", text(start, fin=0) + more(bad, fin=0), [], 1007
    whole = text(start + bad + b"edited")
    yield "6.4.3 in a frame's midst", whole[:6 + len(start) + len(bad)], [], 1007
    yield "6.4.4 at the first byte beyond", whole[:6 + len(start) + 2], [], 1007
    yield "6 surrogate's second byte", text(b"\xed\xa0\x80")[:-1], [], 1007
    yield "6 overlong's second byte", text(b"\xe0\x80\x80")[:-1], [], 1007
    yield "6 never a first byte", text(b"\xc0\xaf" + b"x" * 60000)[:9], [], 1007


VALID = (*range(1000, 1004), *range(1007, 1015), 3000, 3999, 4000, 4999)
INVALID = (0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535)


def closing():
    yield "7.1.1 text, close", text("Hello") + frame(CLOSE, close_payload(1000)), [
        (TEXT, b"Hello")], CLOSED_AS_SENT
    two = frame(CLOSE, close_payload(1000))
    yield "7.1.2 two closes", two + two, [], CLOSED_AS_SENT
    yield "7.1.3 ping behind", two + frame(PING), [], CLOSED_AS_SENT
    yield "7.1.4 text behind", two + text("Hello"), [], CLOSED_AS_SENT
    yield "7.1.5 in a message", text("fr", fin=0) + two + more("ag"), [], CLOSED_AS_SENT
    yield ("7.1.6 256 KiB, close, ping", text("x" * 262144) + two + frame(PING),
           [(TEXT, b"x" * 262144)], CLOSED_AS_SENT)
    yield "7.3.1 empty", frame(CLOSE), [], CLOSED_BARE
    yield "7.3.2 of one byte", frame(CLOSE, b"a"), [], 1002
    yield ("7.3.4 with a reason", frame(CLOSE, close_payload(1000, b"Hello")), [],
           CLOSED_AS_SENT)
    yield ("7.3.5 with the longest", frame(CLOSE, close_payload(1000, b"*" * 123)), [],
           CLOSED_AS_SENT)
    yield "7.3.6 too long", frame(CLOSE, close_payload(1000, b"*" * 124)), [], 1002
    yield ("7.5.1 reason no text", frame(CLOSE, close_payload(1000, b"\xce\xba\xf4\x90")),
           [], 1007)
    yield "7.5 reason cut", frame(CLOSE, close_payload(1000, b"\xe2\x82")), [], 1007
    for code in VALID:
        yield f"7.7 code {code}", frame(CLOSE, close_payload(code)), [], CLOSED_AS_SENT
        yield (f"7.7 code {code} with a reason",
               frame(CLOSE, close_payload(code, b"bye")), [], CLOSED_AS_SENT)
    for code in INVALID:
        yield f"7.9 code {code}", frame(CLOSE, close_payload(code)), [], 1002
        yield (f"7.9 code {code} with a reason",
               frame(CLOSE, close_payload(code, b"bye")), [], 1002)


def in_pieces(opcode, payload, size):
    parts = [payload[i:i + size] for i in range(0, len(payload), size)]
    return b"".join(frame(opcode if i == 0 else 0, part, fin=int(i == len(parts) - 1))
                    for i, part in enumerate(parts))


def big():
    for kind, name in (TEXT, "text"), (BINARY, "binary"):
        for n in 1 << 16, 1 << 18, 1 << 20, 4 << 20:
            payload = (b"x" if kind == TEXT else b"\xfe") * n
            yield f"9 {name} of {n}", frame(kind, payload), [(kind, payload)], OPEN
        for size in 64, 1024, 65536, 1 << 20:
            payload = (b"y" if kind == TEXT else b"\xfd") * (1 << 20)
            yield (f"9 {name} in fragments of {size}", in_pieces(kind, payload, size),
                   [(kind, payload)], OPEN)
        for n in 0, 16, 1024:
            payload = (b"z" if kind == TEXT else b"\xfc") * n
            yield (f"9 a thousand {name}s of {n}", frame(kind, payload) * 1000,
                   [(kind, payload)] * 1000, OPEN)
    yield ("9 one byte too many", frame(BINARY, b"", length=(4 << 20) + 1) + b"x", [],
           1009)
    yield ("9 one byte too many in fragments", frame(BINARY, b"x" * (4 << 20), fin=0)
           + more("x"), [], 1009)


def automatic():
    payload = b"*" * 65536
    for size in 1300, 1460, 4096:
        yield (f"10 fragments of {size}", in_pieces(TEXT, payload, size),
               [(TEXT, payload)], OPEN)


def heads():
    yield "unmasked text", frame(TEXT, b"x", mask=None), [], 1002
    yield "unmasked empty text", frame(TEXT, b"", mask=None), [], 1002
    yield "unmasked ping", frame(PING, b"", mask=None), [], 1002
    yield "unmasked close", frame(CLOSE, close_payload(1000), mask=None), [], 1002
    yield "length 5 in two bytes", b"\x81\xfe\x00\x05abcd" + b"x" * 5, [], 1002
    yield ("length 5 in eight bytes", b"\x81\xff" + b"\0" * 7 + b"\x05abcd" + b"x" * 5,
           [], 1002)
    yield "length of 2^63", b"\x82\xff" + b"\xff" * 8 + b"abcdx", [], 1002
    yield "length of 2^63 - 1", b"\x82\xff\x7f" + b"\xff" * 7 + b"abcdx", [], 1009
    yield "no WebSocket at all", b"GET / HTTP/1.1\r\n\r\n", [], 1002
    yield "masked by zeros", frame(TEXT, b"x", mask=bytes(4)), [(TEXT, b"x")], OPEN


SECTIONS = (framing, pings, reserved, opcodes, fragments, utf8, fail_fast, closing, big,
            automatic, heads)
