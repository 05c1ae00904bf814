"""etc/openapi.yaml is true: the gate serves it, has its routes, and answers as it says.

The last is asked by schemathesis, which makes requests out of the document - valid ones,
and ones with one fault each - and holds every answer against it: status, type, headers,
schema; valid requests are not malformed, faulty ones are not accepted, nothing works
without its token.  It gets the document closed, so that a member of a reply shows that is
not documented, and with what is true of this gate alone: its tiers and cameras.
"""
import collections
import copy
import json
import os
import re
import secrets
import subprocess
import sys
from pathlib import Path

import pytest
import requests
import yaml
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from gate import HERE, Client, problem
from servers import ROOT
from test_scenarios import send_raw
from wait import until

FILE = ROOT / "etc/openapi.yaml"
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
PARTS = ("Access", "Clocks")  # of other schemas, which are closed as wholes
# requests of each kind and call
EXAMPLES = os.environ.get("CAMGATE_OPENAPI_EXAMPLES", "30")
SEED = os.environ.get("CAMGATE_OPENAPI_SEED", "1")
LONG = 3600 if "CAMGATE_OPENAPI_EXAMPLES" in os.environ else 150  # seconds


def document():
    return yaml.safe_load(FILE.read_text())


def operations(doc):
    """{(method, path): operation}"""
    return {(method.upper(), path): item[method] for path, item in doc["paths"].items()
            for method in METHODS if method in item}


# ---- the document itself


def slugs():
    """Of the table of codes."""
    text = (ROOT / "core/base/err.c").read_text()
    found = re.findall(r'\[CG_E_\w+\] =\s*\{(\d+), "([a-z-]+)", "([^"]+)"', text)
    assert len(found) == text.count("[CG_E_")
    return {slug: (int(status), title) for status, slug, title in found}


def test_it_is_an_openapi_document():
    doc = document()
    OpenAPIV31SpecValidator(doc).validate()
    names = [operation["operationId"] for operation in operations(doc).values()]
    assert len(names) == len(set(names))


def examples(node, doc):
    """(schema, example) of everything with a schema and examples beside it."""
    if isinstance(node, list):
        for item in node:
            yield from examples(item, doc)
    if not isinstance(node, dict):
        return
    if "schema" in node:
        given = [node["example"]] if "example" in node else []
        for item in node.get("examples", {}).values():
            name = item.get("$ref", "").rpartition("/")[2]
            given.append((doc["components"]["examples"][name] if name else item)["value"])
        yield from ((node["schema"], value) for value in given)
    for item in node.values():
        yield from examples(item, doc)


def test_its_examples_are_what_it_says():
    doc = closed(document())
    found = list(examples(doc, doc))
    assert len(found) > 15
    for schema, value in found:
        Draft202012Validator({"components": doc["components"]} | schema).validate(value)


def documented(doc):
    """(where, status, answer) of every answer of every call."""
    for (method, path), operation in operations(doc).items():
        for status, answer in operation["responses"].items():
            name = answer.get("$ref", "").rpartition("/")[2]
            yield (f"{method} {path} {status}", int(status),
                   doc["components"]["responses"][name] if name else answer)


def test_every_answer_is_shown_with_its_headers():
    doc, titles = document(), slugs()
    for where, status, answer in documented(doc):
        wanted = {"X-Request-Id"} | ({"Retry-After"} if status in (429, 503) else set()) \
            | ({"WWW-Authenticate"} if status == 401 else set())
        assert wanted <= set(answer["headers"]), where
        for kind, content in answer.get("content", {}).items():
            assert "json" not in kind or {"example", "examples"} & set(content), where
            if kind == "application/problem+json":
                shown = content["example"]
                assert titles[shown["type"].rpartition("/")[2]] == (status,
                                                                    shown["title"]), where
    for (method, path), operation in operations(doc).items():
        for content in operation.get("requestBody", {}).get("content", {}).values():
            assert content["examples"], f"{method} {path}"


# ---- routes


def tables():
    """The routes in the source's tables: {(method, path)}, without the admin
    listener's."""
    found = set()
    for path in [*ROOT.glob("core/*/*.c"), *ROOT.glob("plugins/*/*.c")]:
        for name, rows in re.findall(r"struct (?:cg|cgp)_route (\w+)\[\] = \{(.*?)\n?\};",
                                     path.read_text(), re.S):
            routes = re.findall(r'[{ ]"([A-Z]+)",\s*"([^"]+)",\s*\w+', rows)
            assert routes, f"{path.name}: {name} cannot be read"
            if "admin" not in name:
                found |= set(routes)
    return found


def test_its_routes_are_the_gates():
    assert set(operations(document())) == tables()


def test_every_path_takes_its_methods_and_no_other(gate):
    doc = document()
    for path in doc["paths"]:
        url = gate.url + re.sub(r"\{\w+\}", "lobby-1", path)
        takes = {method for method, at in operations(doc) if at == path}
        for method in (name.upper() for name in METHODS):
            reply = requests.request(method, url, timeout=10)
            if method in takes or (method == "HEAD" and "GET" in takes):
                assert reply.status_code != 405, f"{method} {path}: {reply.text}"
                assert "nothing at this path" not in reply.text, f"{method} {path}"
            elif method == "HEAD":
                assert reply.status_code == 405
            else:
                problem(reply, 405, "method-not-allowed")
            if reply.status_code == 405:
                allowed = {name.strip() for name in reply.headers["Allow"].split(",")}
                assert allowed - {"HEAD"} == takes, f"{method} {path}: {allowed}"


def test_the_gate_serves_it(gate):
    reply = requests.get(gate.url + "/openapi.yaml", timeout=10)
    assert reply.status_code == 200 \
        and reply.headers["Content-Type"] == "application/yaml"
    assert reply.content == FILE.read_bytes()
    assert document()["info"]["version"] in gate.cli("version").stdout


# ---- problems


def test_every_problem_has_a_page(gate):
    """Those that the gate sends, those of the document; all linked from one page."""
    codes, named = slugs(), document()["components"]["schemas"]["ProblemType"]
    assert {f"/problems/{slug}" for slug in codes} == set(named["enum"])
    assert [name.replace("_", "-") for name in named["x-enum-varnames"]] \
        == [path.rpartition("/")[2] for path in named["enum"]]
    index = requests.get(gate.url + "/problems", timeout=10)
    assert re.findall('href="([^"]+)"', index.text) == \
        [f"/problems/{slug}" for slug in codes]
    for slug, (status, title) in codes.items():
        page = requests.get(f"{gate.url}/problems/{slug}", timeout=10)
        assert page.status_code == 200 \
            and page.headers["Content-Type"] == "text/html; charset=utf-8"
        assert f"<h1>{title}</h1>" in page.text and f"HTTP {status}" in page.text
        assert re.search(r"What it means</h2>\n<p>\w.+\.</p>\n", page.text)
        assert re.search(r"What to do</h2>\n<p>\w.+\.</p>\n", page.text)
    problem(requests.get(gate.url + "/problems/ok", timeout=10), 404, "not-found")


# ---- answers


def close(schema):
    """No members but those named, at every depth."""
    if isinstance(schema, list):
        for item in schema:
            close(item)
    if not isinstance(schema, dict):
        return
    for key, value in schema.items():
        if key in ("allOf", "anyOf"):
            for part in value:
                close(part.get("properties"))
        else:
            close(value)
    named = "properties" in schema or "allOf" in schema
    if named and isinstance(schema.get("properties", {}), dict):
        if "additionalProperties" not in schema:
            schema["unevaluatedProperties"] = False


def closed(doc):
    doc = copy.deepcopy(doc)
    for name, schema in doc["components"]["schemas"].items():
        close(schema.get("properties") if name in PARTS else schema)
    return doc


def cameras():
    return [camera["id"]
            for camera in json.loads((HERE / "cameras.json").read_text())["cameras"]]


def of_this_gate(doc):
    """The document, closed, with the tiers and cameras that the test's gates have."""
    doc = closed(doc)
    schemas = doc["components"]["schemas"]
    tiers = ["low", "medium", "high"]
    schemas["Quality"] = {"type": "string", "enum": tiers}
    schemas["QualityAsked"] = {"type": ["string", "null"], "enum": [*tiers, None]}
    schemas["CameraId"] = {"type": "string", "anyOf": [
        {"enum": cameras()}, {"pattern": schemas["CameraId"]["pattern"]}]}
    return doc


def of_a_viewer(doc):
    """Of this gate, as somebody sees it who asks for cameras that there are, one at a
    time."""
    doc = of_this_gate(doc)
    doc["paths"] = {path: item for path, item in doc["paths"].items()
                    if "/stream/" in path or path == "/api/v1/cameras"}
    doc["components"]["schemas"]["CameraId"] = {"type": "string", "enum": cameras()}
    del doc["components"]["schemas"]["ReserveRequest"]["properties"]["replace"]
    return doc


def reached(report):
    """How often each (operation, status) came, from the events that schemathesis
    wrote."""
    found = collections.Counter()
    for line in report.read_text().splitlines():
        scenario = json.loads(line).get("ScenarioFinished") or {}
        recorder = scenario.get("recorder") or {}
        for name, interaction in recorder.get("interactions", {}).items():
            case = recorder["cases"][name]["value"]
            answer = interaction.get("response") or {}
            found[case["method"] + " " + case["path"], answer.get("status_code")] += 1
    return found


CONFIG = f"""
hooks = "{HERE / 'openapi_hooks.py'}"
seed = {SEED}
warnings = false
suppress-health-check = ["all"]  # of how long making a request takes
[generation]
database = "none"
[checks.positive_data_acceptance]
expected-statuses = ["2xx", "401", "403", "404", "409", "410", "429"]
[checks.negative_data_rejection]
expected-statuses = [
  "400", "401", "403", "404", "413", "414", "415", "422", "429", "431"]
[[operations]]
include-path = "/webhook/livekit"  # most of what a webhook holds is LiveKit's to say
checks.positive_data_acceptance.enabled = false
"""


def ask(gate, folder, doc, claims, *options):
    """Runs schemathesis against the gate; what it found, if anything, is in the
    failure."""
    path, config, report = (folder / name
                            for name in ("openapi.yaml", "st.toml", "st.ndjson"))
    path.write_text(yaml.safe_dump(doc, sort_keys=False))
    known = LIVEKIT | {"CAMGATE_TOKEN": gate.token(**claims)} if claims else {}
    config.write_text(CONFIG)
    done = subprocess.run(
        [Path(sys.executable).with_name("schemathesis"), "--no-color", "--config-file",
         config, "run", path, "--url", gate.url, "--continue-on-failure", "--report",
         "ndjson", "--report-ndjson-path", report, *options],
        cwd=folder, env=os.environ | known, capture_output=True, text=True, timeout=LONG)
    assert done.returncode == 0, done.stdout[-12000:] + done.stderr[-4000:]
    return reached(report)


LIVEKIT = {"LIVEKIT_API_KEY": "livekit", "LIVEKIT_API_SECRET": secrets.token_hex(32),
           "LIVEKIT_WEBHOOK_KEY": "livekit"}
RESERVE, EXPLAIN = "POST /api/v1/stream/reserve", "POST /api/v1/policy/explain"
BEAT, RELEASE = "POST /api/v1/stream/heartbeat/{id}", "DELETE /api/v1/stream/release/{id}"
TOKEN, LEASES = "GET /api/v1/stream/token/{camera}", "GET /api/v1/stream/leases"
CAMERAS, AUDIT, HOOK = "GET /api/v1/cameras", "GET /api/v1/audit", "POST /webhook/livekit"

# who -> claims, and the answers that there must be, so that a run that asks nothing shows
CALLERS = {
    "operator": ({"sub": "carol"}, {
        RESERVE: (201, 400, 401, 403, 404, 409, 422), EXPLAIN: (200, 401, 404, 422),
        LEASES: (200, 400, 401, 403), CAMERAS: (200, 400, 401), AUDIT: (401, 403),
        TOKEN: (200, 401, 404), BEAT: (401, 404), RELEASE: (401, 404),
        HOOK: (200, 400, 401)}),
    "admin": ({"sub": "root", "roles": ["load", "admin", "auditor"]}, {
        RESERVE: (201, 400, 401, 403, 404, 409, 422), EXPLAIN: (200, 401, 404, 422),
        LEASES: (200, 400, 401), CAMERAS: (200, 400, 401), AUDIT: (200, 400, 401)}),
    "stranger": (None, {
        operation: (401,
        ) for operation in (RESERVE, EXPLAIN, LEASES, CAMERAS, AUDIT, HOOK)}),
}


def missing(wanted, answers):
    return [(operation, status) for operation, statuses in wanted.items()
            for status in statuses
            if not answers[operation, status]]


@pytest.mark.timeout(LONG)
@pytest.mark.parametrize("who", CALLERS)
def test_answers_are_as_documented(new_gate, tmp_path, who):
    claims, wanted = CALLERS[who]
    answers = ask(new_gate(**LIVEKIT), tmp_path, of_this_gate(document()), claims,
                  "-n", EXAMPLES, "--phases", "examples,coverage,fuzzing")
    assert not missing(wanted, answers), answers


@pytest.mark.timeout(LONG)
def test_the_life_of_leases_is_as_documented(new_gate, tmp_path):
    """Along the document's links: what one answer gave is asked with in the next."""
    answers = ask(new_gate(**LIVEKIT), tmp_path, of_a_viewer(document()),
                  CALLERS["admin"][0], "-n", EXAMPLES, "--mode", "positive", "--phases",
                  "stateful")
    wanted = {RESERVE: (201,), BEAT: (200, 410), TOKEN: (200,), RELEASE: (204,),
              LEASES: (200,)}
    assert not missing(wanted, answers), answers


# ---- what a client that builds its requests from the document never sees


def fits(doc, operation, reply):
    """The reply is the operation's answer of that status: headers and body."""
    answer = operation["responses"][str(reply.status_code)]
    name = answer["$ref"].rpartition("/")[2]
    answer = doc["components"]["responses"][name]
    headers = {header: doc["components"]["headers"][at["$ref"].rpartition("/")[2]]
               for header, at in answer["headers"].items()}
    always = {header for header, at in headers.items() if at.get("required")}
    assert always <= set(reply.headers), f"{name}: {reply.headers}"
    body = reply.json()
    schema = answer["content"]["application/problem+json"]["schema"]
    Draft202012Validator({"components": doc["components"]} | schema).validate(body)
    assert reply.headers["Content-Type"] == "application/problem+json"
    assert body["instance"] == reply.headers["X-Request-Id"] \
        and body["status"] == reply.status_code


HEAD = "POST /api/v1/stream/reserve HTTP/1.1\r\nHost: gate\r\nConnection: close\r\n"
FRAMES = {
    400: [HEAD, "Content-Length: 2\r\nContent-Type: application/json\r\n\r\n{]"],
    413: [HEAD, "Content-Length: 65537\r\n\r\n"],
    414: ["POST /", {"repeat": "a", "times": 8200}, " HTTP/1.1\r\nHost: gate\r\n\r\n"],
    415: [HEAD, "Content-Length: 2\r\nContent-Type: text/plain\r\n\r\n{}"],
    431: [HEAD, {"repeat": "X: y\r\n", "times": 64}, "\r\n"],
}


@pytest.mark.parametrize("status", FRAMES)
def test_refused_frames_are_as_documented(gate, status):
    doc, reply = closed(document()), send_raw(gate, FRAMES[status])
    assert reply.status_code == status, reply.text
    fits(doc, doc["paths"]["/api/v1/stream/reserve"]["post"], reply)


def test_an_encoded_body_is_refused_as_documented(gate):
    doc = closed(document())
    for (method, path), operation in operations(doc).items():
        if method != "POST":
            continue
        reply = requests.post(gate.url + path.replace("{id}", "0" * 28), timeout=10,
                              data=b"{}", headers={"Content-Encoding": "gzip"})
        assert (reply.status_code, reply.headers["Accept-Encoding"]) == (415, "identity")
        fits(doc, operation, reply)


def test_too_many_wrong_signatures_are_as_documented(gate):
    doc, eve = closed(document()), \
        Client(gate, gate.token(key="another key of 32 bytes or more."))

    def refused():
        reply = eve.reserve()
        fits(doc, doc["paths"]["/api/v1/stream/reserve"]["post"], reply)
        return reply.status_code

    assert refused() == 401
    until(lambda: refused() == 429, "enough of it")
