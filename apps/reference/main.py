"""A tiny real service: the stand-in for services whose code is elsewhere, and what images are tried with.

GET /health on HEALTH_PORT answers 200 {"status":"ok"}; GET / on PORT says who answers, as JSON. Standard library only,
writes nothing, ends within a second of SIGTERM. FAIRLEAD_FAIL makes it ill on purpose: see FAILURES.
"""

import json
import os
import signal
import socket
import socketserver
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler

REVISION = "/usr/share/fairlead/revision"
OK = {"status": "ok"}

# FAIRLEAD_FAIL=name, or several with commas. With FAIRLEAD_FAIL_AFTER=seconds the service is well at first and falls ill then (default 0: from
# the beginning); with FAIRLEAD_FAIL_UNTIL=seconds it recovers. Both count from the start.
FAILURES = {
    "health500": "/health answers 500",
    "wrongbody": '/health answers 200 with {"status":"starting"}',
    "notjson": "/health answers 200 with a page of HTML",
    "slow": "/health answers rightly, after 30 seconds",
    "silent": "/health takes connections and never answers",
    "flap": "/health answers 200 and 500 in turn, to each client by itself",
    "refuse": "nothing listens on the health port (from the beginning, whatever FAIRLEAD_FAIL_AFTER says)",
    "crash": "the process ends with exit code 1",
    "hang": "the process does not react to SIGTERM",
    "spew": "prints lines of terminal escapes and what looks like secrets, each second",
}


def main():
    failure = Failure.from_environment()
    port, health_port = port_from("PORT"), port_from("HEALTH_PORT")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None if failure.is_now("hang") else stop.set())
    pages = {port: {"/": identity}}
    if "refuse" not in failure.names:
        pages.setdefault(health_port, {})["/health"] = failure.health
    for each, answers in pages.items():
        serve(each, answers)
    _, me = identity()
    print(f"reference: {me['name']} on port {port}, health on {health_port}, process {os.getpid()}", flush=True)
    while not stop.wait(0.2):
        if failure.is_now("crash"):
            print("reference: FAIRLEAD_FAIL=crash", file=sys.stderr, flush=True)
            os._exit(1)
        if failure.is_now("spew"):
            print("\x1b[2J\x1b]0;owned\x07 token=not-a-real-secret", flush=True)
            print("\x1b]52;c;b3duZWQ=\x1b\\ postgres://user:not-a-real-secret@database/fleet", flush=True)
            stop.wait(1)
    # Threads that still answer somebody are daemons and end with the process.


def identity(_client=None):
    return 200, {
        "name": os.environ.get("FAIRLEAD_SERVICE") or "reference",
        "version": os.environ.get("FAIRLEAD_GIT_SHA") or revision() or "unknown",
        "image": os.environ.get("FAIRLEAD_IMAGE") or None,
        "host": socket.gethostname(),
    }


def revision():
    try:
        with open(REVISION, encoding="utf-8") as file:
            return file.read().strip()
    except OSError:
        return None


class Failure:
    def __init__(self, names, after, until):
        self.names, self.after, self.until = names, after, until
        self.start = time.monotonic()
        self.asked = {}

    @classmethod
    def from_environment(cls):
        names = {name for name in os.environ.get("FAIRLEAD_FAIL", "").split(",") if name}
        for name in names - FAILURES.keys():
            sys.exit(f"reference: FAIRLEAD_FAIL={name!a}: one of {', '.join(FAILURES)}")
        return cls(names, seconds_from("FAIRLEAD_FAIL_AFTER", 0), seconds_from("FAIRLEAD_FAIL_UNTIL", float("inf")))

    def is_now(self, name):
        return name in self.names and self.after <= time.monotonic() - self.start < self.until

    def health(self, client):
        # Each in turn by itself: Docker's own probe in between must not make it look well to another one.
        asked = self.asked[client] = self.asked.get(client, 0) + 1
        if self.is_now("health500") or (self.is_now("flap") and asked % 2 == 0):
            return 500, {"status": "error"}
        if self.is_now("wrongbody"):
            return 200, {"status": "starting", **({"token": "not-a-real-secret"} if self.is_now("spew") else {})}
        if self.is_now("notjson"):
            return 200, "<html>It works!</html>"
        if self.is_now("slow"):
            time.sleep(30)
        if self.is_now("silent"):
            threading.Event().wait()
        return 200, OK


class Server(socketserver.ThreadingTCPServer):
    # Not http.server's own class, which asks the name service for this machine's name before it listens.
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128


def serve(port, pages):
    try:
        server = Server(("0.0.0.0", port), handler(pages))
    except OSError as error:
        sys.exit(f"reference: port {port}: {error.strerror}")
    threading.Thread(target=server.serve_forever, daemon=True).start()


def handler(pages):
    class Handler(BaseHTTPRequestHandler):
        server_version = "reference"

        def do_GET(self):
            page = pages.get(self.path.partition("?")[0])
            status, body = page(self.client_address[0]) if page else (404, {"error": "not found"})
            data = (body if isinstance(body, str) else json.dumps(body, separators=(",", ":"))).encode()
            self.send_response(status)
            self.send_header("Content-Type", "text/html" if isinstance(body, str) else "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_):
            pass  # a probe every few seconds is nothing that a log has to keep

    return Handler


def port_from(name):
    value = os.environ.get(name, "")
    if not (value.isascii() and value.isdigit() and 0 < int(value) < 65536):
        sys.exit(f"reference: {name} is {value!a}: give it a port from 1 to 65535")
    return int(value)


def seconds_from(name, otherwise):
    value = os.environ.get(name)
    try:
        return float(value) if value else otherwise
    except ValueError:
        sys.exit(f"reference: {name} is {value!a}: give it a number of seconds")


if __name__ == "__main__":
    main()
