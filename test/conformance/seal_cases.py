"""make CASE: /out/image.tar, an OCI archive of one small image with fields that nobody here knows, or one with a flaw.
look: what an archive in /in/image.tar and a layout in /in/layout have in them, as JSON.
"""

import gzip
import hashlib
import io
import json
import os
import sys
import tarfile

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
flaws = {
    "whole": lambda files, paths: None,
    "two": lambda files, paths: None,
    "damaged": lambda files, paths: files.update({paths["config"]: files[paths["config"]] + b" "}),
    "lost": lambda files, paths: files.pop(paths["config"]),
    "outside": lambda files, paths: files.update({"../x": b"x"}),
    "index": lambda files, paths: files.update({"index.json": b"[]"}),
    "nothing": lambda files, paths: files.clear(),
}


def sha256(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def path_of(digest):
    return "blobs/" + digest.replace(":", "/")


def make(case):
    files, paths = {}, {}

    def add(name, data, media_type):
        paths[name] = path_of(sha256(data))
        files[paths[name]] = data
        return {"mediaType": media_type, "digest": sha256(data), "size": len(data)}

    config = {"os": "linux", "config": {"Env": ["A=<b>&c"]}, "moby": {"unknown": 12345678901234567890}, "history": [{"created_by": "COPY <x>"}], "rootfs": {"type": "layers", "diff_ids": [sha256(b"x")]}}
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "annotations": {"a": "b"},
        "config": add("config", json.dumps(config).encode(), "application/vnd.oci.image.config.v1+json"),
        "layers": [add("layer", b"packed by somebody", "application/vnd.oci.image.layer.v1.tar+zstd")],
    }
    entry = {**add("manifest", json.dumps(manifest).encode(), MANIFEST), "annotations": {"c": "d"}}
    files["index.json"] = json.dumps({"schemaVersion": 2, "manifests": [entry] * (2 if case == "two" else 1)}).encode()
    files["oci-layout"] = b'{"imageLayoutVersion":"1.0.0"}'
    flaws[case](files, paths)
    with tarfile.open("/out/image.tar", "w") as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))


def look():
    sys.path.insert(0, "/fairlead")
    from archive_probe import unzstd

    with tarfile.open("/in/image.tar") as tar:
        files = {member.name: tar.extractfile(member).read() for member in tar}
    layout = {}
    for folder, _, names in os.walk("/in/layout"):
        for name in names:
            with open(os.path.join(folder, name), "rb") as file:
                layout[os.path.relpath(file.name, "/in/layout")] = sha256(file.read())
    [entry] = json.loads(files["index.json"])["manifests"]
    text = files[path_of(entry["digest"])]
    manifest = json.loads(text)
    last = b"".join(bytes(piece) for piece in unzstd(io.BytesIO(files[path_of(manifest["layers"][-1]["digest"])])))
    with tarfile.open(fileobj=io.BytesIO(last)) as tar:
        members = [[each.name, oct(each.mode), each.uid, each.mtime, tar.extractfile(each).read() if each.isreg() else b""] for each in tar]
    return {
        "archive": {name: sha256(data) for name, data in files.items()},
        "layout": layout,
        "entry": entry,
        "bytes": len(text),
        "manifest": manifest,
        "config": json.loads(files[path_of(manifest["config"]["digest"])]),
        "diffId": sha256(last),
        "members": [[*rest, (gzip.decompress(data) if rest[0].endswith(".gz") else data).decode()] for *rest, data in members],
    }


if sys.argv[1] == "make":
    make(sys.argv[2])
else:
    print(json.dumps(look()))
