"""Advisories for pip-audit, in the shape of the OSV API, on a loopback: from a folder's records or from a service.

A service is not asked by pip-audit itself, since pip-audit takes much for "nothing is known": an answer that is an empty
list, advisories without what they affect, the first page of many. Here every answer is looked at, and one that is not whole
fails the audit. Part of audit_probe.py.
"""

import http.server
import json
import threading
import time

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

PAGES = 50  # of one answer
TRIES = 4
MOST_SECONDS = 20  # that a service may ask to wait


class NoAnswer(Exception):
    """The source could not be looked at, or did not answer in a way that can be believed."""


class Folder:
    """OSV records in a file: a list, or lists by name of the package."""

    def __init__(self, path):
        try:
            with open(path, encoding="utf-8") as file:
                read = json.load(file)
        except (OSError, ValueError) as error:
            raise NoAnswer(f"{path} cannot be read: {error}") from error
        try:
            listed = [each for some in read.values() for each in some] if isinstance(read, dict) else read
            records = {each["id"]: each for each in listed}  # by name, one that is about two packages stands there twice
        except (TypeError, KeyError) as error:
            raise NoAnswer(f"{path} holds no OSV records: {error!r}") from error
        self.records, self.count = {}, len(records)
        for record in records.values():
            for name in {name for name, _ in affected(record)}:
                self.records.setdefault(name, []).append(record)
        if not self.records:
            raise NoAnswer(f"{path} has no advisory for any Python package")

    def answer(self, name, version):
        found = [each for each in self.records.get(name, []) if affects(each, name, version)]
        return {"vulns": [one_range(each, name, self._mended(each, name)) for each in found]} if found else {}

    def _mended(self, record, name):
        """The versions that have the fix by all records of the same weakness: one may call fixed what another does not."""
        ids = {record["id"], *record.get("aliases", [])}
        about = [each for each in self.records[name] if ids & {each["id"], *each.get("aliases", [])}]
        said = {version for each in about for version in fixes(each, name)}
        return {each for each in said if not any(affects(record, name, Version(each)) for record in about)}


def affected(record):
    """(normalised name, entry) of everything on PyPI that a record is about."""
    try:
        entries = [each for each in record.get("affected") or [] if (each.get("package") or {}).get("ecosystem") == "PyPI"]
        found = [(canonicalize_name(each["package"]["name"]), each) for each in entries]
        if not isinstance(record["id"], str):
            raise TypeError("its id is no text")
    except (KeyError, TypeError, AttributeError) as error:
        raise NoAnswer(f"not an OSV record: {str(record)[:100]}: {error!r}") from error
    return found


def affects(record, name, version):
    """Whether a version is affected, as the OSV schema says it is to be found out."""
    if record.get("withdrawn"):
        return False
    for own, entry in affected(record):
        if own == name and (
            any(same(each, version) for each in entry.get("versions") or [])
            or any(in_range(each, version, bool(entry.get("versions"))) for each in entry.get("ranges") or [] if each["type"] != "GIT")
        ):
            return True
    return False


def same(listed, version):
    try:
        return Version(listed) == version
    except InvalidVersion:
        return listed == str(version)  # some lists name versions from before PEP 440


def in_range(entry, version, listed):
    events = []
    for event in entry.get("events") or []:
        for kind, at in event.items():
            try:
                # "0" stands before every version, also before 0.dev1.
                events.append((Version("0.dev0") if at == "0" else Version(at), kind))
            except InvalidVersion:
                return not listed  # nobody can tell: all of them are, unless the record lists which
    inside = False
    # At one and the same version a fix counts before what brings the weakness in again.
    for at, kind in sorted(events, key=lambda each: (each[0], each[1] == "introduced")):
        if kind == "introduced" and version >= at:
            inside = True
        elif kind in ("fixed", "limit") and version >= at:
            inside = False
        elif kind == "last_affected" and version > at:
            inside = False
    return inside


def fixes(record, name):
    """The versions that a record calls fixed."""
    ranges = [each for own, entry in affected(record) if own == name for each in entry.get("ranges") or []]
    found = {event["fixed"] for each in ranges if each["type"] == "ECOSYSTEM" for event in each.get("events") or [] if "fixed" in event}
    return {each for each in found if is_version(each)}


def is_version(text):
    try:
        return bool(Version(text))
    except InvalidVersion:
        return False


def one_range(record, name, fixed):
    """The record as pip-audit reads it whole: it takes fixes from one range only, and compares names as they are spelled."""
    events = [{"introduced": "0"}, *({"fixed": each} for each in sorted(fixed))]
    one = {"package": {"ecosystem": "PyPI", "name": name}, "ranges": [{"type": "ECOSYSTEM", "events": events}]}
    keys = ("schema_version", "id", "aliases", "summary", "details", "withdrawn")
    # Without `published`: pip-audit fails over times that are written in another way than it knows, and nobody reads it.
    return {**{key: record[key] for key in keys if record.get(key) is not None}, "affected": [one]}


class Service:
    """A service with OSV's API. Each question is asked once."""

    def __init__(self, url, certificates=None):
        import requests

        self.url = url if url.endswith("/query") else f"{url.rstrip('/')}/v1/query"
        self.known, self.session = {}, requests.Session()
        self.failures = requests.RequestException
        self.count = None
        if certificates:
            self.session.verify = certificates

    def answer(self, name, version):
        key = (name, str(version))
        if key not in self.known:
            found, token = [], None
            for _ in range(PAGES):
                page = self._page(name, str(version), token)
                found += [one_range(each, name, fixes(each, name)) for each in page.get("vulns", [])]
                token = page.get("next_page_token")
                if not token:
                    break
            else:
                raise NoAnswer(f"{self.url} has more than {PAGES} pages about {name}")
            self.known[key] = {"vulns": found} if found else {}
        return self.known[key]

    def _page(self, name, version, token):
        query = {"package": {"name": name, "ecosystem": "PyPI"}, "version": version, **({"page_token": token} if token else {})}
        said = self._asked(query)
        if said.status_code != 200:
            raise NoAnswer(f"{self.url} answered {said.status_code} about {name} {version}")
        try:
            page = said.json()
        except ValueError:
            raise NoAnswer(f"{self.url} answered {said.text[:80]!r} about {name} {version}, which is not JSON") from None
        vulns = page.get("vulns", []) if isinstance(page, dict) else None
        if not isinstance(vulns, list) or set(page) - {"vulns", "next_page_token"}:
            raise NoAnswer(f"{self.url} answered {said.text[:80]!r} about {name} {version}, which is not of OSV's API")
        for each in vulns:
            if not isinstance(each, dict) or not each.get("withdrawn") and name not in [own for own, _ in affected(each)]:
                raise NoAnswer(f"{self.url} answered half about {name} {version}: an advisory without what it affects")
        return page

    def _asked(self, query):
        for tried in range(1, TRIES + 1):
            try:
                said = self.session.post(self.url, json=query, timeout=(10, 30))
            except self.failures as error:
                if tried == TRIES:
                    raise NoAnswer(f"{self.url} cannot be reached: {type(error).__name__}") from error
                time.sleep(tried)
                continue
            if tried == TRIES or (said.status_code != 429 and said.status_code < 500):
                return said
            wait = said.headers.get("Retry-After", "")
            time.sleep(min(int(wait), MOST_SECONDS) if wait.isdigit() else tried)
        raise AssertionError("unreachable")


def serve(source):
    """Serves a source on a loopback; (its URL, what went wrong so far, which questions were answered)."""
    wrong, answered = [], set()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            status, body = 200, {}
            try:
                query = json.loads(self.rfile.read(int(self.headers.get("Content-Length", "0"))))
                name, version = canonicalize_name(query["package"]["name"]), Version(query["version"])
                body = source.answer(name, version)
                answered.add((name, str(version)))
            except NoAnswer as error:
                wrong.append(str(error))
                status = 502
            except Exception as error:  # whatever it is, it must not read like "nothing is known"
                wrong.append(f"{type(error).__name__}: {error}")
                status = 500
            text = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_address[1]}/v1/query", wrong, answered
