"""Asks pip-audit about packages, and answers only when every one of them was looked up: one JSON document on stdout.

Runs in the toolbox (part "scan"). `--asked` is a JSON list of {"name", "version"}, public versions. What could not be seen is
told as {"failed": "why"}: pip-audit by itself says "no known vulnerabilities" also when it could look nothing up.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile

if os.path.isdir("/opt/scan"):
    sys.path.insert(0, "/opt/scan")  # the toolbox's packages
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from osv_source import Folder, NoAnswer, Service, serve
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

OSV = "https://api.osv.dev/v1/query"
SECONDS = 1200
CANARY = ("jinja2", "2.10")  # CVE-2019-10906 and more: a service that knows nothing of it knows nothing
# What pip-audit only mumbles about, and leaves out.
LEFT_OUT = re.compile(r"^.*(?:Unsupported OSV schema|is missing 'affected').*$", re.M)


def parts(asked):
    """Lists in which each name stands once: pip-audit refuses two versions of a package in one file."""
    found = []
    for name, version in asked:
        part = next((each for each in found if name not in each), None)
        if part is None:
            found.append(part := {})
        part[name] = version
    return found


def audit(part, options, folder, environment):
    """[(name, version, advisories)] as pip-audit answers for one list."""
    requirements = os.path.join(folder, "requirements.txt")
    with open(requirements, "w", encoding="utf-8") as file:
        file.writelines(f"{name}=={version}\n" for name, version in sorted(part.items()))
    argv = [
        "pip-audit", "--strict", f"--requirement={requirements}", "--no-deps", "--disable-pip", "--format=json", "--desc=on",
        "--aliases=on", "--progress-spinner=off", f"--cache-dir={folder}/cache", "--timeout=30", *options,
    ]  # fmt: skip
    try:
        said = subprocess.run(
            argv, capture_output=True, encoding="utf-8", stdin=subprocess.DEVNULL, timeout=SECONDS, check=False, env=environment
        )
    except subprocess.TimeoutExpired:
        raise NoAnswer(f"pip-audit did not end within {SECONDS} s") from None
    except OSError as error:
        raise NoAnswer(f"pip-audit does not run: {error}") from error
    last = " | ".join([line for line in said.stderr.splitlines() if line.strip() and not line.startswith("WARNING:")][-3:])
    if said.returncode not in (0, 1) or not said.stdout.strip():
        raise NoAnswer(f"pip-audit exited {said.returncode} without an answer: {last or 'it said nothing'}")
    left = LEFT_OUT.search(said.stderr)
    if left:
        raise NoAnswer(f"pip-audit left something out: {left[0].strip()}")
    try:
        dependencies = json.loads(said.stdout)["dependencies"]
        answers = [answer(each) for each in dependencies]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise NoAnswer(f"pip-audit answered something else than its JSON: {error!r}") from error
    if any(found for *_, found in answers) != (said.returncode == 1):
        raise NoAnswer(f"pip-audit exited {said.returncode}, and its answer says otherwise")
    return answers


def answer(dependency):
    name = canonicalize_name(dependency["name"])
    if "skip_reason" in dependency:
        raise NoAnswer(f"pip-audit skipped {name}: {dependency['skip_reason']}")
    version = Version(dependency["version"])
    found = [
        {
            "id": each["id"],
            "aliases": sorted(each["aliases"]),
            "fixed": [str(fixed) for fixed in sorted({Version(text) for text in each["fix_versions"]}) if fixed > version],
            "summary": (each.get("description") or "").strip()[:300],
        }
        for each in dependency["vulns"]
    ]
    return name, version, found


def look(asked, arguments):
    pins = []
    for each in asked:
        try:
            version = Version(each["version"])
        except InvalidVersion:
            raise NoAnswer(f"{each['name']} {each['version']} cannot be asked about: that is not a version by PEP 440") from None
        if version.local:
            raise NoAnswer(f"{each['name']} {version} cannot be asked about: that is a local version")
        pins.append((canonicalize_name(each["name"]), version))
    if not pins:
        raise NoAnswer("there is nothing to ask about")
    # Settings of the machine that pip-audit would read; it talks to nobody but the loopback where a source is served there.
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PIP_", "PYTHONPATH"))}
    if os.path.isdir("/opt/scan"):
        environment["PYTHONPATH"] = "/opt/scan"
    environment |= {"HOME": "/tmp", "XDG_CACHE_HOME": "/tmp"}
    certificates = arguments.certificates if arguments.certificates and os.path.getsize(arguments.certificates) else None
    source, wrong, answered, options = None, [], None, ["--vulnerability-service=pypi"]
    if certificates:
        environment["REQUESTS_CA_BUNDLE"] = certificates
    if arguments.service != "pypi":
        source = Folder(arguments.records) if arguments.service == "folder" else Service(arguments.url or OSV, certificates)
        url, wrong, answered = serve(source)
        options = ["--vulnerability-service=osv", f"--osv-url={url}"]
        environment["NO_PROXY"] = environment["no_proxy"] = "127.0.0.1"
    canary = None
    answers = {}
    with tempfile.TemporaryDirectory() as folder:
        try:
            if arguments.service != "folder":
                canary = any(found for *_, found in audit(dict([CANARY]), options, folder, environment))
                if not canary and not arguments.url:
                    raise NoAnswer(f"the service knows of nothing in {' '.join(CANARY)}, which has known weaknesses: it cannot be believed")
            for part in parts(sorted(set(pins))):
                for name, version, found in audit(part, options, folder, environment):
                    answers[(name, version)] = found
        except NoAnswer as error:
            # What the source did wrong is the cause of whatever pip-audit says.
            raise NoAnswer("; ".join(dict.fromkeys(wrong[:3])) or str(error)) from error
    if wrong:
        raise NoAnswer("; ".join(dict.fromkeys(wrong[:3])))
    missing = sorted(f"{name} {version}" for name, version in set(pins) - set(answers))
    beyond = sorted(f"{name} {version}" for name, version in set(answers) - set(pins))
    if missing or beyond:
        raise NoAnswer(f"asked about {len(set(pins))} packages, {len(answers)} answered: {', '.join((missing or beyond)[:5])}")
    if answered is not None and not {(name, str(version)) for name, version in pins} <= answered:
        raise NoAnswer("pip-audit answered about packages that it did not ask the source about")
    return {
        "records": source.count if source else None,
        "canary": canary,
        "answers": [
            {"name": each["name"], "version": each["version"], "advisories": answers[pin]} for each, pin in zip(asked, pins)
        ],
    }


def version():
    said = subprocess.run(["pip-audit", "--version"], capture_output=True, encoding="utf-8", check=False, stdin=subprocess.DEVNULL)
    return said.stdout.strip().rpartition(" ")[2]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--asked", required=True)
    parser.add_argument("--service", choices=["pypi", "osv", "folder"], required=True)
    parser.add_argument("--url")
    parser.add_argument("--records")
    parser.add_argument("--certificates")
    arguments = parser.parse_args()
    with open(arguments.asked, encoding="utf-8") as file:
        asked = json.load(file)
    try:
        found = {"tool": {"name": "pip-audit", "version": version()}, **look(asked, arguments)}
    except (NoAnswer, OSError) as error:
        found = {"failed": str(error)}
    json.dump({"schema": 1, **found}, sys.stdout)
    print()


if __name__ == "__main__":
    main()
