"""Cases for audit_probe.py with the real pip-audit: one JSON document, case -> what the probe answered.

Runs in the toolbox (part "scan") with the probes in /fairlead; servers of the cases are on the loopback of the step.
"""

import http.server
import json
import os
import stat
import subprocess
import sys
import tempfile
import threading
import types

PROBES = sys.argv[1]
sys.path.insert(0, PROBES)
import audit_probe
import osv_source


def record(id, name, *events, **other):
    package = {"ecosystem": "PyPI", "name": name}
    ranges = [{"type": "ECOSYSTEM", "events": list(events)}] if events else []
    return {
        "id": id,
        "modified": "2026-01-01T00:00:00Z",
        "summary": f"{name} is weak",
        "affected": [{"package": package, "ranges": ranges, "versions": other.pop("versions", [])}],
        **other,
    }


def introduced(at):
    return {"introduced": at}


def fixed(at):
    return {"fixed": at}


FOLDER = {
    "torch": [record("PYSEC-1", "torch", introduced("0"), fixed("2.6.0"), aliases=["GHSA-1", "CVE-1"])],
    "branches": [
        record("CVE-2", "branches", introduced("3.0"), fixed("3.2.25"), introduced("4.0"), fixed("4.2.11"), introduced("5.0"), fixed("5.0.3"))
    ],
    "last": [record("CVE-3", "last", introduced("1.0"), {"last_affected": "1.4"})],
    "listed": [record("CVE-4", "listed", versions=["1.0.0", "2004d"])],
    "gone": [record("CVE-5", "gone", introduced("0"), withdrawn="2026-01-02T00:00:00Z")],
    "spelled": [record("CVE-6", "Spelled_Other.Wise", introduced("0"), fixed("2"))],
    "early": [record("CVE-7", "early", introduced("0"), fixed("1.0"))],
    "unclear": [record("CVE-8", "unclear", introduced("0"), fixed("2004d"))],
    "again": [
        record("PYSEC-9", "again", introduced("0"), fixed("1.2"), aliases=["CVE-9"]),
        record("GHSA-9", "again", introduced("0"), fixed("1.3"), aliases=["CVE-9"]),
    ],
    "git": [{"id": "CVE-10", "affected": [{"ranges": [{"type": "GIT", "events": [introduced("0")]}]}]}],
}
PINS = [
    ("torch", "2.2.2"), ("torch", "2.6.0"), ("Branches", "4.2.1"), ("branches", "4.2.11"), ("last", "1.4"), ("last", "1.4.1"),
    ("listed", "1.0"), ("listed", "1.1"), ("gone", "1.0"), ("spelled-other-wise", "1.0"), ("early", "0.1.dev1"), ("early", "1.0rc1"),
    ("unclear", "1.0"), ("again", "1.0"), ("stranger", "1.0"),
]  # fmt: skip


def asked(*pins):
    return [{"name": name, "version": version} for name, version in pins]


def answer(pins, **arguments):
    given = {"service": "folder", "url": None, "records": None, "certificates": None, **arguments}
    try:
        found = audit_probe.look(asked(*pins), types.SimpleNamespace(**given))
    except osv_source.NoAnswer as error:
        return {"failed": str(error)}
    found["answers"] = {
        f"{each['name']} {each['version']}": [[one["id"], *one["aliases"], *one["fixed"]] for one in each["advisories"]] for each in found["answers"]
    }
    return found


def folder(content, pins=(("torch", "2.2.2"),)):
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        file.write(content if isinstance(content, str) else json.dumps(content))
        file.flush()
        return answer(pins, records=file.name)


def service(reply, pins=(("torch", "2.2.2"),)):
    """What is answered when a service replies so: reply(query, count of questions) -> (status, body, headers)."""
    questions = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            query = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            questions.append(query)
            status, body, headers = reply(query, len(questions))
            body = (body if isinstance(body, str) else json.dumps(body)).encode()
            self.send_response(status)
            for key, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(key, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        return {**answer(pins, service="osv", url=f"http://127.0.0.1:{server.server_address[1]}"), "questions": len(questions)}
    finally:
        server.shutdown()
        server.server_close()


def known(query, _):
    name = query["package"]["name"]
    found = FOLDER.get(name, []) if query.get("version") == "2.2.2" else []
    return 200, {"vulns": found} if found else {}, {}


def pages(query, _):
    second = record("PYSEC-11", "torch", introduced("0"))
    if query["package"]["name"] != "torch":
        return 200, {}, {}
    return (200, {"vulns": [second]}, {}) if "page_token" in query else (200, {"vulns": FOLDER["torch"], "next_page_token": "x"}, {})


def busy(query, count):
    return (429, "slow down", {"Retry-After": "0"}) if count == 1 else known(query, count)


def half(query, count):
    status, body, headers = known(query, count)
    return status, {"vulns": [{"id": each["id"]} for each in body.get("vulns", [])]} if body else {}, headers


def lying(script):
    """What is answered when pip-audit is another program."""
    with tempfile.TemporaryDirectory() as path, tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        program = os.path.join(path, "pip-audit")
        with open(program, "w", encoding="utf-8") as made:
            made.write(f"#!/bin/sh\n{script}\n")
        os.chmod(program, stat.S_IRWXU)
        json.dump(FOLDER, file)
        file.flush()
        before = os.environ["PATH"]
        os.environ["PATH"] = f"{path}:{before}"
        try:
            return answer([("torch", "2.2.2"), ("stranger", "1.0")], records=file.name)
        finally:
            os.environ["PATH"] = before


def clean(*pins, **other):
    return json.dumps({"dependencies": [{"name": name, "version": version, "vulns": [], **other} for name, version in pins], "fixes": []})


def without_strict():
    """What pip-audit says by itself, without --strict, about a package that it could look nothing up for."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write("torch @ https://example.org/torch-2.2.2-py3-none-any.whl\n")
        file.flush()
        argv = ["pip-audit", "--no-deps", "--disable-pip", "--progress-spinner=off", "--cache-dir=/tmp/c", f"--requirement={file.name}"]
        said = subprocess.run(argv, capture_output=True, encoding="utf-8", check=False)
    return {"exitCode": said.returncode, "said": "No known vulnerabilities found" in said.stderr}


json.dump(
    {
        "folder": folder(FOLDER, PINS),
        "a list of records": folder([each for some in FOLDER.values() for each in some]),
        "a folder that is cut off": folder(json.dumps(FOLDER)[:300]),
        "a folder without Python": folder({"git": FOLDER["git"]}),
        "a folder of something else": folder([1, 2]),
        "a version that is none": folder(FOLDER, [("torch", "french-toast")]),
        "a service": service(known, [("torch", "2.2.2"), ("stranger", "1.0")]),
        "a service with pages": service(pages),
        "a service that is busy": service(busy),
        "HTML": service(lambda *_: (200, "<html>welcome</html>", {})),
        "an empty list": service(lambda *_: (200, "[]", {})),
        "null": service(lambda *_: (200, "null", {})),
        "an error in JSON": service(lambda *_: (200, {"code": 5, "message": "no"}, {})),
        "half an answer": service(half),
        "another package's advisories": service(lambda *_: (200, {"vulns": FOLDER["last"]}, {})),
        "404": service(lambda *_: (404, "not found", {})),
        "a service that is away": answer([("torch", "2.2.2")], service="osv", url="http://127.0.0.1:9"),
        "PyPI without a network": answer([("torch", "2.2.2")], service="pypi"),
        "pip-audit without --strict": without_strict(),
        "a crash": lying("exit 139"),
        "no answer": lying("echo 'No known vulnerabilities found' >&2"),
        "no JSON": lying("echo 'No known vulnerabilities found'"),
        "skipped": lying(f"echo '{clean(('torch', '2.2.2'), ('stranger', '1.0'), skip_reason='not on PyPI')}'"),
        "one left out": lying(f"echo '{clean(('torch', '2.2.2'))}'"),
        "another version": lying(f"echo '{clean(('torch', '2.2.1'), ('stranger', '1.0'))}'"),
        "never asked": lying(f"echo '{clean(('torch', '2.2.2'), ('stranger', '1.0'))}'"),
    },
    sys.stdout,
)
