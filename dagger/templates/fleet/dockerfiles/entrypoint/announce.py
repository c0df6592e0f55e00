"""Tells the observability receiver which image a service runs on: POST {service, image, git_sha, sbom}.

Started by fairlead-entrypoint beside the service, with the number of the service's init process. Never in its way: few
tries, short ones, and none when the service has ended. Standard library only; writes nothing but one line to stderr.
"""

import base64
import contextlib
import http.client
import json
import os
import select
import signal
import sys
import time
from urllib.parse import urlsplit

URL = "http://observability:9007/ingest/image"
SHARE = "/usr/share/fairlead"
TAKEN = "taken"
SECONDS_PER_TRY = 5
PAUSES = (1, 3, 8, 16)  # seconds between tries: with the tries themselves less than a minute in all


def main(init):
    start = time.monotonic()
    apart()
    url = os.environ.get("FAIRLEAD_INGEST_URL") or URL
    if url == "off":
        return
    service = Process(init)
    body = json.dumps(record()).encode()
    tries = 0
    for pause in (0, *PAUSES):
        if service.ends_within(pause * jitter()):
            return
        tries += 1
        problem = attempt(url, body, service)
        if problem is None:
            return
    seconds = time.monotonic() - start
    tell(f"image record not delivered to {without_secrets(url)}: {problem} ({tries} tries in {seconds:.0f} s, dropped)")


def record():
    return {
        "service": setting("FAIRLEAD_SERVICE"),
        "image": setting("FAIRLEAD_IMAGE"),
        "git_sha": setting("FAIRLEAD_GIT_SHA") or text("revision"),
        "sbom": packed("sbom.spdx.json.gz"),
    }


def setting(name):
    """The value as text that JSON can carry, whatever bytes the environment holds; None when empty."""
    return os.environb.get(name.encode(), b"").decode("utf-8", "replace") or None


def text(name):
    return content(name).decode("utf-8", "replace").strip() or None


def packed(name):
    return base64.b64encode(content(name)).decode("ascii") or None


def content(name):
    try:
        with open(f"{SHARE}/{name}", "rb") as file:
            return file.read()
    except OSError:
        return b""


def attempt(url, body, service):
    """One try in a process of its own, since only that can be ended at any point, name resolution included.

    None when the record was taken, or nobody is left to report for; else what went wrong.
    """
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writer, (post(url, body) or TAKEN).encode("utf-8", "replace"))
        finally:
            os._exit(0)
    os.close(writer)
    answered = service.waits_for(reader, SECONDS_PER_TRY)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    said = os.read(reader, 500).decode("utf-8", "replace") if answered else f"no answer within {SECONDS_PER_TRY} s"
    os.close(reader)
    return None if said == TAKEN or service.ended() else said or "the try ended without a word"


def post(url, body):
    """None when the receiver took it, else why not. No proxy from the environment is used, no redirect followed."""
    try:
        parts = urlsplit(url)
        kind = {"http": http.client.HTTPConnection, "https": http.client.HTTPSConnection}.get(parts.scheme)
        if kind is None or not parts.hostname:
            return "its URL is not http://host/path"
        connection = kind(parts.hostname, parts.port, timeout=SECONDS_PER_TRY)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("POST", path, body, {"Content-Type": "application/json", "User-Agent": "fairlead"})
        status = connection.getresponse().status
        return None if 200 <= status < 300 else f"answered {status}"
    except (OSError, ValueError, http.client.HTTPException) as error:
        # Never the error's own text: it may quote the URL, or what the receiver sent.
        return getattr(error, "strerror", None) or type(error).__name__


class Process:
    """Another process, of which only the end is of interest."""

    def __init__(self, number):
        self.poll = select.poll()
        self.gone = False
        try:
            self.poll.register(os.pidfd_open(number), select.POLLIN)
        except ProcessLookupError:
            self.gone = True
        except OSError:
            pass  # not every system allows the call; its end is not seen then, and the tries are few anyway

    def ended(self):
        return self.ends_within(0)

    def ends_within(self, seconds):
        return self.gone or bool(self.poll.poll(seconds * 1000))

    def waits_for(self, reader, seconds):
        """Whether there is something to read in time. False at once when the process ends."""
        self.poll.register(reader, select.POLLIN)
        ready = [descriptor for descriptor, _ in self.poll.poll(seconds * 1000)]
        self.poll.unregister(reader)
        return reader in ready


def apart():
    """Nobody waits for this process by accident; it is last to get the processor and first to go when memory is short."""
    os.closerange(3, 1024)
    if os.getsid(0) != os.getpid():
        os.setsid()
    os.chdir("/")
    os.nice(10)
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
        file.write("1000")


def jitter():
    """0.75 to 1.25, so that a host's services do not all come back at once."""
    return 0.75 + os.urandom(1)[0] / 510


def without_secrets(url):
    try:
        parts = urlsplit(url)
        return f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}{parts.path}"
    except ValueError:
        return "FAIRLEAD_INGEST_URL"


def tell(line):
    plain = "".join(each if " " <= each <= "~" else "?" for each in line)
    print(f"fairlead-entrypoint: {plain[:500]}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        main(int(sys.argv[1]))
    except Exception as error:  # one line, whatever it is: a stack trace in a service's log helps nobody
        tell(f"image record not delivered: {type(error).__name__} (dropped)")
