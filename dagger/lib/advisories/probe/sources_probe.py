"""Brings an advisory database into the cache and asks a Python service whether it knows anything, as facts on stdout.

Runs in toolbox:scan beside skopeo, which checks digests and waits as a registry's Retry-After says, and `advisories`, which
compiles OSV records. It judges nothing but what it must to go on: find.ts does. Standard library only, Python 3.11 or newer.

In the cache each database has a folder of its own digest's name, so that a gate never sees one change: trivy.db,
metadata.json, osv.json (of folders only), and source-….json, which say where it came from and what it has to be.
"""

import argparse
import concurrent.futures
import contextlib
import datetime
import fcntl
import hashlib
import http.client
import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

MEDIA_TYPE = "application/vnd.aquasec.trivy.db.layer.v1.tar+gzip"
LARGEST = 8 << 30  # of what a database unpacks to; today's are below 1 GiB
CHUNK = 1 << 20
CONNECT = 3  # seconds until a host that does not even connect is not there
KEEP = 2  # databases; more while somebody may still be looking things up in them
KEEP_SECONDS = 3 * 3600
NO_SOURCE = ("unauthorized", "denied", "forbidden", "manifest unknown", "name unknown", "not found", "certificate")


class Broken(Exception):
    """There is something, and it is not what it has to be."""


class Absent(Exception):
    """There is nothing: no such host, nobody who answers, or nobody who answers us."""


def reached(host, port):
    """Returns if somebody listens there; Absent if not, within seconds, also where name servers do not answer."""
    told = []

    def connect():
        try:
            socket.create_connection((host, port), timeout=CONNECT).close()
            told.append("")
        except OSError as error:
            told.append(str(error.strerror or error))

    waiting = threading.Thread(target=connect, daemon=True)
    waiting.start()
    waiting.join(CONNECT + 1)
    if not told or told[0]:
        raise Absent(f"{host}: {told[0] if told else 'no answer'}")


def run(*argv, seconds):
    """A tool's standard output, as bytes."""
    try:
        said = subprocess.run(argv, capture_output=True, stdin=subprocess.DEVNULL, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        raise Broken(f"{argv[0]} {argv[1]} did not end within {seconds} s") from None
    if said.returncode != 0:
        text = said.stderr.decode("utf-8", "replace").strip()
        raise Broken(text[-600:] or f"{argv[0]} {argv[1]} exited {said.returncode}")
    return said.stdout


def sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def read_json(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


# The cache.


class Cache:
    def __init__(self, folder):
        self.folder = folder
        self.discarded = []

    @contextlib.contextmanager
    def locked(self, seconds):
        """One at a time changes it; whoever waits finds what the other one brought."""
        with open(os.path.join(self.folder, ".lock"), "w", encoding="utf-8") as file:
            deadline = time.monotonic() + seconds
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > deadline:
                        raise Broken(f"another run has been at the advisory cache for {seconds} s") from None
                    time.sleep(0.2)
            yield

    def path(self, name, *parts):
        return os.path.join(self.folder, name, *parts)

    def names(self):
        return sorted(name for name in os.listdir(self.folder) if len(name) == 64 and not name.startswith("."))

    def sources(self, key, value):
        """Sound databases with an account that says so, newest first; unsound ones are thrown away and told."""
        found = []
        for name in self.names():
            for account in self.accounts(name):
                if account is not None and account.get(key) != value:
                    continue
                wrong = self.wrong(name, account)
                if wrong:
                    self.discarded.append(f"sha256:{name[:12]}… {wrong}")
                    shutil.rmtree(self.path(name), ignore_errors=True)
                    break
                found.append({**account, "digest": f"sha256:{name}"})
        return sorted(found, key=lambda each: (each["updatedAt"], each["fetchedAt"]), reverse=True)

    def accounts(self, name):
        """What the folder says of where it came from: once for each source that had the very same database."""
        files = [file for file in sorted(os.listdir(self.path(name))) if file.startswith("source-")]
        accounts = []
        for file in files:
            try:
                accounts.append(read_json(self.path(name, file)))
            except (OSError, ValueError):
                return [None]
        return accounts  # None at all: somebody else's, let be.

    def wrong(self, name, source):
        """What is not as it was written, or None."""
        if source is None:
            return "had an unreadable account of where it came from"
        for file, (size, digest) in source["files"].items():
            path = self.path(name, file)
            if not os.path.isfile(path):
                return f"had lost its {file}"
            if os.path.getsize(path) != size:
                return f"had a {file} of {os.path.getsize(path)} bytes, not {size}"
            if sha256(path) != digest:
                return f"had a changed {file}"
        return None

    def keep(self, folder, account):
        """Takes over what was made in a folder of the cache; answers its account."""
        files = {}
        for file in sorted(os.listdir(folder)):
            path = os.path.join(folder, file)
            os.chmod(path, 0o644)
            files[file] = [os.path.getsize(path), sha256(path)]
        name = files["trivy.db"][1]
        now = datetime.datetime.now(datetime.timezone.utc)
        account = {**account, "files": files, "fetchedAt": now.strftime("%Y-%m-%dT%H:%M:%SZ")}
        origin = hashlib.sha256(json.dumps([account["from"], account.get("inputs")]).encode()).hexdigest()[:12]
        with open(os.path.join(folder, f"source-{origin}.json"), "w", encoding="utf-8") as file:
            json.dump(account, file)
        os.chmod(folder, 0o755)
        if os.path.isdir(self.path(name)) and self.differs(name, files):
            old = tempfile.mkdtemp(prefix=".old-", dir=self.folder)
            os.rename(self.path(name), os.path.join(old, name))
            shutil.rmtree(old, ignore_errors=True)
        if os.path.isdir(self.path(name)):
            # A gate may be reading it: what is there stays, and what is new comes beside it.
            for file in os.listdir(folder):
                os.replace(os.path.join(folder, file), self.path(name, file))
        else:
            os.rename(folder, self.path(name))
        return {**account, "digest": f"sha256:{name}"}

    def differs(self, name, files):
        here = [file for file in files if os.path.isfile(self.path(name, file))]
        return any(sha256(self.path(name, file)) != files[file][1] for file in here)

    def used(self, digest):
        os.utime(self.path(digest.removeprefix("sha256:")))

    def prune(self):
        now = time.time()
        newest = sorted(self.names(), key=lambda name: os.path.getmtime(self.path(name)), reverse=True)
        for name in newest[KEEP:]:
            if now - os.path.getmtime(self.path(name)) > KEEP_SECONDS:
                shutil.rmtree(self.path(name), ignore_errors=True)
        for name in os.listdir(self.folder):
            # Left by a run that was killed.
            if name.startswith((".new-", ".old-")) and now - os.path.getmtime(self.path(name)) > KEEP_SECONDS:
                shutil.rmtree(self.path(name), ignore_errors=True)


# A database from a registry.


def database(ask, cache):
    """{"found", "kept", "tried", "discarded"}: the first reference that answers, else the newest that is kept."""
    tried = []
    with concurrent.futures.ThreadPoolExecutor() as beside:
        # Together: hosts that only drop what is sent to them would cost their seconds one after another.
        there = [beside.submit(reached, ref["host"], ref["port"]) for ref in ask["refs"]]
    for ref, answers in zip(ask["refs"], there):
        try:
            answers.result()
            found = fetched(ref, ask, cache)
            return {"found": found, "kept": None, "tried": tried, "discarded": cache.discarded}
        except Absent as error:
            tried.append({"ref": ref["name"], "absent": True, "why": str(error)})
        except (Broken, OSError, ValueError, KeyError, tarfile.TarError, EOFError) as error:
            tried.append({"ref": ref["name"], "absent": is_refusal(str(error)), "why": str(error) or repr(error)})
    names = {ref["name"] for ref in ask["refs"]}
    kept = [source for name in sorted(names) for source in cache.sources("from", name)]
    kept.sort(key=lambda each: each["updatedAt"], reverse=True)
    return {"found": None, "kept": kept[0] if kept else None, "tried": tried, "discarded": cache.discarded}


def is_refusal(text):
    return any(word in text.lower() for word in NO_SOURCE)


def fetched(ref, ask, cache):
    """The database that a reference names now, from the cache where it is there already."""
    tls = "false" if ref["plain"] else "true"
    auth = ["--authfile", ask["auth"]] if ask.get("auth") else []
    address = f"docker://{ref['inside']}"
    raw = run("skopeo", "inspect", "--raw", "--retry-times=2", f"--tls-verify={tls}", *auth, address, seconds=ask["seconds"])
    manifest = hashlib.sha256(raw).hexdigest()
    for source in cache.sources("manifest", manifest):
        if source["from"] != ref["name"]:
            continue
        cache.used(source["digest"])
        return {**source, "fetched": False}
    work = tempfile.mkdtemp(prefix=".new-", dir=cache.folder)
    try:
        raw_folder, made = os.path.join(work, "raw"), os.path.join(work, "made")
        by_digest = f"docker://{ref['inside'].rpartition(':')[0]}@sha256:{manifest}"
        run("skopeo", "copy", "--quiet", "--preserve-digests", "--retry-times=3", f"--src-tls-verify={tls}", *auth,
            by_digest, f"dir:{raw_folder}", seconds=ask["seconds"] * 5)  # fmt: skip
        os.mkdir(made)
        unpack(raw, raw_folder, made)
        updated = sound(made)
        source = {"from": ref["name"], "manifest": manifest, "updatedAt": updated, "covers": covers(made)}
        return {**cache.keep(made, source), "fetched": True}
    finally:
        shutil.rmtree(work, ignore_errors=True)


def unpack(manifest, folder, into):
    layers = json.loads(manifest).get("layers") or []
    if [layer.get("mediaType") for layer in layers] != [MEDIA_TYPE]:
        raise Broken("the artifact is no Trivy database: it has to have one layer of " + MEDIA_TYPE)
    blob = os.path.join(folder, layers[0]["digest"].removeprefix("sha256:"))
    left = LARGEST
    with tarfile.open(blob, "r:gz") as archive:
        for member in archive:
            if member.name.removeprefix("./") not in ("trivy.db", "metadata.json") or not member.isreg():
                continue
            left -= member.size
            if left < 0:
                raise Broken(f"the database unpacks to more than {LARGEST} bytes")
            with archive.extractfile(member) as source, open(os.path.join(into, member.name.removeprefix("./")), "wb") as target:
                shutil.copyfileobj(source, target, CHUNK)


def sound(folder):
    """When its makers wrote it."""
    for name in ("trivy.db", "metadata.json"):
        if not os.path.isfile(os.path.join(folder, name)):
            raise Broken(f"the database has no {name}")
    metadata = read_json(os.path.join(folder, "metadata.json"))
    if metadata.get("Version") != 2:
        raise Broken(f"the database is of schema version {metadata.get('Version')}, and Trivy here reads version 2")
    return instant(metadata.get("UpdatedAt"))


def instant(text):
    """A time in UTC to the second, "2025-04-18T00:00:00Z"."""
    try:
        found = datetime.datetime.fromisoformat(str(text))
    except ValueError:
        raise Broken(f"{text!r} is no time") from None
    if found.tzinfo is None:
        raise Broken(f"{text!r} has no time zone")
    return found.astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def covers(folder):
    return json.loads(run("advisories", "covers", f"--db={folder}", seconds=120))["covers"] or []


# A folder of OSV records.


def folder(path, cache):
    """{"found"} or {"wrong"}: compiled once, and again when a file of it or the compiler changes."""
    try:
        inputs = inputs_of(path)
        for source in cache.sources("inputs", inputs):
            cache.used(source["digest"])
            return {"found": {**source, "fetched": False}, "discarded": cache.discarded}
        work = tempfile.mkdtemp(prefix=".new-", dir=cache.folder)
        try:
            made = os.path.join(work, "made")
            report = json.loads(run("advisories", "compile", f"--in={path}", f"--out={made}", seconds=900))
            source = {"from": "folder", "inputs": inputs, "updatedAt": instant(report["updatedAt"])}
            source |= {"covers": covers(made), "report": report}
            kept = cache.keep(made, source)
            if kept["digest"] != report["digest"]:
                raise Broken("the compiled database is not what the compiler said it is")
            return {"found": {**kept, "fetched": True}, "discarded": cache.discarded}
        finally:
            shutil.rmtree(work, ignore_errors=True)
    except (Broken, OSError, ValueError, KeyError) as error:
        return {"wrong": str(error), "discarded": cache.discarded}


def inputs_of(path):
    """One digest over all names and contents, and over the compiler."""
    digest = hashlib.sha256()
    digest.update(sha256(shutil.which("advisories")).encode())
    if not os.path.isdir(path):
        raise Broken("it is no folder")
    count = 0
    for at, folders, names in os.walk(path, onerror=raises, followlinks=False):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            file = os.path.join(at, name)
            if name.startswith(".") or not os.path.isfile(file):
                continue
            count += 1
            digest.update(f"{os.path.relpath(file, path)}\0{sha256(file)}\n".encode())
    if count == 0:
        raise Broken("the folder is empty")
    return digest.hexdigest()


def raises(error):
    raise error


# A service that knows Python packages.

CANARY = ("requests", "2.19.0")  # CVE-2018-18074, public since 2018
PATIENCE = 20  # seconds that a 429 or 503 may make us wait in all


def python(ask):
    """{"answers", "absent", "why"}: whether it knows a vulnerability that everybody has known for years."""
    url = urllib.parse.urlsplit(ask["inside"])
    try:
        reached(url.hostname, url.port or (443 if url.scheme == "https" else 80))
        status, body = asked(ask)
    except Absent as error:
        return {"answers": False, "absent": True, "why": str(error)}
    except (Broken, OSError, http.client.HTTPException) as error:
        return {"answers": False, "absent": is_refusal(str(error)), "why": str(error) or repr(error)}
    if status != 200:
        refused = status in (401, 403, 404, 405, 407, 410)
        return {"answers": False, "absent": refused, "why": f"it answers {status} where advisories would be"}
    try:
        answer = json.loads(body)
    except ValueError:
        return {"answers": False, "absent": False, "why": "its answer is not JSON"}
    found = answer.get("vulnerabilities" if ask["service"] == "pypi" else "vulns") if isinstance(answer, dict) else None
    if not isinstance(found, list) or not found or not all(isinstance(each, dict) and each.get("id") for each in found):
        why = f"it knows no vulnerability of {CANARY[0]} {CANARY[1]}, which has had one since 2018: it is no advisory source"
        return {"answers": False, "absent": False, "why": why}
    return {"answers": True, "absent": False, "why": ""}


def asked(ask):
    """(status, body), after waiting as told by Retry-After."""
    name, version = CANARY
    if ask["service"] == "pypi":
        request = urllib.request.Request(f"{ask['inside']}/{name}/{version}/json")
    else:
        query = {"package": {"name": name, "ecosystem": "PyPI"}, "version": version}
        request = urllib.request.Request(ask["inside"], data=json.dumps(query).encode())
        request.add_header("Content-Type", "application/json")
    request.add_header("User-Agent", "fairlead")
    waited = 0
    while True:
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, answer.read(64 << 20)
        except urllib.error.HTTPError as error:
            told = error.headers.get("Retry-After", "1")
            pause = max(int(told), 1) if told.isdigit() else 1
            if error.code not in (429, 503) or waited + pause > PATIENCE:
                return error.code, b""
            waited += pause
            time.sleep(pause)
        except urllib.error.URLError as error:
            if isinstance(error.reason, ssl.SSLError):
                raise Absent(f"{urllib.parse.urlsplit(ask['inside']).hostname}: {error.reason}") from None
            raise Broken(str(error.reason)) from None


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--ask", required=True, help="what to look for, as JSON")
    arguments.add_argument("--cache", required=True)
    chosen = arguments.parse_args()
    ask = read_json(chosen.ask)
    answer = {"schema": 1}
    with concurrent.futures.ThreadPoolExecutor() as beside:
        knows = beside.submit(python, ask["python"]) if ask.get("python") else None
        if ask.get("database") or ask.get("folder"):
            os.makedirs(chosen.cache, exist_ok=True)
            cache = Cache(chosen.cache)
            with cache.locked(1800):
                if ask.get("database"):
                    answer["database"] = database(ask["database"], cache)
                else:
                    answer["folder"] = folder(ask["folder"], cache)
                cache.prune()
        if knows:
            answer["python"] = knows.result()
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
