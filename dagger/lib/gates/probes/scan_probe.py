"""What Trivy sees in an OCI archive, as one JSON document on stdout: packages, known weaknesses, secrets in layers.

Trivy reads a layout folder and no tar, so the archive is unpacked first; nothing but the blobs of the asked-for image is
shown to it. Every blob and the database have to hash to their names. Trivy reads no setting, no ignore file and no
environment of anybody's. Standard library only.
"""

import argparse
import collections
import hashlib
import json
import os
import re
import subprocess
import tarfile

CHUNK = 1 << 20
MAX_JSON = 4 << 20  # the OCI distribution specification's limit for a manifest
MEMBERS = re.compile(r"(?:\./)?(oci-layout|index\.json|blobs/sha256/[0-9a-f]{64})")
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def unpack(archive, layout):
    """The archive's blobs as files. A member of any other kind or name is no part of an image, and is refused."""
    os.makedirs(f"{layout}/blobs/sha256")
    with tarfile.open(archive, "r:") as tar:
        for member in tar:
            if member.isdir():
                continue
            name = MEMBERS.fullmatch(member.name)
            if not name or not member.isreg():
                raise SystemExit(f"the archive has a member that no image has: {member.name[:200]!r}")
            copy(tar.extractfile(member), f"{layout}/{name[1]}")


def copy(source, path):
    hashed = hashlib.sha256()
    with open(path, "xb") as target:
        while data := source.read(CHUNK):
            hashed.update(data)
            target.write(data)
    if "/blobs/" in path and hashed.hexdigest() != os.path.basename(path):
        raise SystemExit(f"blob {os.path.basename(path)} is damaged")


def blob(layout, digest):
    if not isinstance(digest, str) or not DIGEST.fullmatch(digest):
        raise SystemExit(f"not a sha256 digest: {str(digest)[:80]!r}")
    return f"{layout}/blobs/sha256/{digest[7:]}"


def text(path):
    if os.path.getsize(path) > MAX_JSON:
        raise SystemExit(f"{os.path.basename(path)} has more bytes than a manifest or config may have")
    with open(path, encoding="utf-8") as file:
        return file.read()


def only(layout, digest):
    """The manifest of the asked-for image, which is the only one that the index names from now on."""
    named = [each for each in json.loads(text(f"{layout}/index.json"))["manifests"] if each.get("digest") == digest]
    if not named or not os.path.exists(blob(layout, digest)):
        raise SystemExit(f"the archive is of another image: it has no {digest}")
    with open(f"{layout}/index.json", "w", encoding="utf-8") as file:
        json.dump({"schemaVersion": 2, "manifests": named[:1]}, file)
    return text(blob(layout, digest))


def give(database, cache):
    """Trivy's cache with the database in it. Linked to what is open here: others read it at the same time, and one of them
    may take its name away meanwhile. Trivy itself opens it for reading only."""
    hashed = hashlib.sha256()
    os.makedirs(f"{cache}/db")
    for name in ("metadata.json", "trivy.db"):
        held = os.open(f"{database}/{name}", os.O_RDONLY)
        os.symlink(f"/proc/{os.getpid()}/fd/{held}", f"{cache}/db/{name}")
    with open(f"{cache}/db/trivy.db", "rb") as file:
        while data := file.read(CHUNK):
            hashed.update(data)
    if hashed.hexdigest() != os.path.basename(database):
        raise SystemExit("the vulnerability database is not the one it is named after: it was changed or cut off")


def trivy(layout, cache, work):
    os.makedirs(f"{work}/empty")
    os.makedirs(f"{work}/tmp")
    argv = [
        "trivy", "image", "--input", layout, "--format", "json", "--output", f"{work}/report.json", "--list-all-pkgs",
        "--scanners", "vuln,secret", "--image-config-scanners", "secret", "--pkg-types", "os,library",
        "--skip-db-update", "--skip-java-db-update", "--skip-version-check", "--disable-telemetry", "--offline-scan",
        "--cache-backend", "memory", "--cache-dir", cache, "--timeout", "60m", "--no-progress",
    ]  # fmt: skip
    # In an empty folder, since it would read trivy.yaml, trivy-secret.yaml and .trivyignore, which drops findings.
    environment = {"PATH": os.environ["PATH"], "HOME": f"{work}/empty", "TMPDIR": f"{work}/tmp"}
    ran = subprocess.run(
        argv, cwd=f"{work}/empty", env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False
    )
    if ran.returncode != 0:
        said = ran.stderr.decode("utf-8", "replace").splitlines()
        raise SystemExit("\n".join([*(line[:300] for line in said[-8:]), f"trivy exited {ran.returncode}"]))
    try:
        with open(f"{work}/report.json", encoding="utf-8") as file:
            return json.load(file)
    except (OSError, ValueError) as error:
        raise SystemExit(f"trivy wrote no whole report: {error}") from None


def debian_version(package, prefix=""):
    epoch, version, release = (package.get(f"{prefix}{part}") for part in ("Epoch", "Version", "Release"))
    return (f"{epoch}:" if epoch else "") + (version or "") + (f"-{release}" if release else "")


def kind(result):
    return {("os-pkgs", "debian"): "debian", ("lang-pkgs", "python-pkg"): "python"}.get((result.get("Class"), result.get("Type")), "other")


def packages(results):
    seen = {"debian": [], "python": [], "other": collections.Counter()}
    for result in results:
        for package in result.get("Packages") or []:
            if kind(result) == "debian":
                seen["debian"].append({"name": package["Name"], "version": debian_version(package), "source": package.get("SrcName") or package["Name"]})
            elif kind(result) == "python":
                seen["python"].append({"name": package["Name"], "version": package["Version"], "path": f"/{package.get('FilePath', '')}"})
            else:
                seen["other"][str(result.get("Type"))] += 1
    return seen


def vulnerabilities(results):
    for result in results:
        sources = {package.get("ID"): package.get("SrcName") for package in result.get("Packages") or []}
        for found in result.get("Vulnerabilities") or []:
            yield {
                "id": found["VulnerabilityID"],
                "aliases": found.get("VendorIDs") or [],
                "kind": kind(result),
                "package": found["PkgName"],
                "source": sources.get(found.get("PkgID")) if kind(result) == "debian" else None,
                "path": f"/{found['PkgPath']}" if found.get("PkgPath") else None,
                "installed": found["InstalledVersion"],
                "fixed": [each.strip() for each in found.get("FixedVersion", "").split(",") if each.strip()],
                "severity": found["Severity"],
                "status": found.get("Status") or "unknown",
                "title": (found.get("Title") or "")[:200],
                "layer": (found.get("Layer") or {}).get("Digest"),
            }


def secrets(results, layout):
    """Where something that looks like a secret stands. Never what it says, not even with stars in it."""
    for result in results:
        for found in result.get("Secrets") or []:
            path = str(result.get("Target") or "").replace(layout, "the image's config")
            yield {
                "path": path or "the image's config",
                "rule": found["RuleID"],
                "title": (found.get("Title") or "")[:200],
                "severity": found["Severity"],
                "line": found.get("StartLine") or 0,
                "layer": (found.get("Layer") or {}).get("Digest"),
            }


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("archive")
    parser.add_argument("--digest", required=True)
    parser.add_argument("--database", required=True, help="a folder named after the SHA-256 of its trivy.db")
    parser.add_argument("--work", required=True, help="an empty folder on disk")
    arguments = parser.parse_args()
    layout, cache = f"{arguments.work}/layout", f"{arguments.work}/cache"
    unpack(arguments.archive, layout)
    manifest = only(layout, arguments.digest)
    give(arguments.database.rstrip("/"), cache)
    report = trivy(layout, cache, arguments.work)
    metadata, results = report["Metadata"], report.get("Results") or []
    system = metadata.get("OS") or {}
    return {
        "schema": 1,
        "manifest": manifest,
        "imageId": metadata["ImageID"],
        "trivy": report["Trivy"]["Version"],
        "os": {"family": system.get("Family", ""), "name": system.get("Name", ""), "eosl": bool(system.get("EOSL"))},
        "packages": packages(results),
        "vulnerabilities": list(vulnerabilities(results)),
        "secrets": list(secrets(results, layout)),
    }


if __name__ == "__main__":
    try:
        print(json.dumps(main()))
    except (tarfile.TarError, OSError) as error:
        raise SystemExit(f"the archive or the database cannot be read: {error}") from None
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise SystemExit(f"trivy's report or the archive has another shape: {type(error).__name__}: {error}") from None
