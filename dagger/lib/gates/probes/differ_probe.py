"""Where two images differ: the parts of their configs and the paths in their layers, as one JSON document on stdout.

Layers are compared in their order; those with the same digest are not read. Nothing is unpacked. It stands beside
archive_probe.py, which reads archives. Standard library only, and Debian's libzstd.
"""

import argparse
import hashlib
import json
import os
import sys
import tarfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import archive_probe  # noqa: E402

MOST = 200


class Stream:
    """What comes in chunks, as a file that tarfile reads."""

    def __init__(self, chunks):
        self.chunks, self.rest = iter(chunks), b""

    def read(self, size):
        parts, length = [self.rest], len(self.rest)
        while length < size and (chunk := next(self.chunks, None)) is not None:
            parts.append(bytes(chunk))
            length += len(chunk)
        whole = b"".join(parts)
        self.rest = whole[size:]
        return whole[:size]


def image(path, digest):
    archive = archive_probe.Archive(path)
    for found, _, manifest in archive_probe.images(archive, json.loads(archive.text("index.json"))["manifests"]):
        if found == digest:
            return archive, manifest, json.loads(archive.text(archive_probe.blob(manifest["config"]["digest"])))
    raise SystemExit(f"{path} holds no image {digest}")


def files(archive, descriptor):
    """path -> what is to be the same of it."""
    source = archive.open(archive_probe.blob(descriptor["digest"]))
    kind = descriptor["mediaType"]
    chunks = (
        archive_probe.unzstd(source)
        if kind.endswith("zstd")
        else archive_probe.gunzip(source)
        if kind.endswith("gzip")
        else iter(lambda: source.read(archive_probe.CHUNK), b"")
    )
    found = {}
    with tarfile.open(fileobj=Stream(chunks), mode="r|") as tar:
        for member in tar:
            content = hashlib.sha256()
            if member.isreg():
                file = tar.extractfile(member)
                while data := file.read(archive_probe.CHUNK):
                    content.update(data)
            found[member.name] = {
                "type": member.type.decode("ascii", "replace"),
                "mode": oct(member.mode),
                "owner": f"{member.uid}:{member.gid}",
                "time": member.mtime,
                "size": member.size,
                "link": member.linkname,
                "content": content.hexdigest(),
            }
    return found


def layers(one, other):
    differing = []
    pairs = max(len(one[1]["layers"]), len(other[1]["layers"]))
    for index in range(pairs):
        a, b = (each[1]["layers"][index] if index < len(each[1]["layers"]) else None for each in (one, other))
        if a and b and a["digest"] == b["digest"]:
            continue
        before, after = files(one[0], a) if a else {}, files(other[0], b) if b else {}
        paths = sorted(path for path in {*before, *after} if before.get(path) != after.get(path))
        shown = [{"path": path, "what": what(before.get(path), after.get(path))} for path in paths[:MOST]]
        differing.append({"layer": index + 1, "count": len(paths), "files": shown})
    return differing


def what(before, after):
    if before is None or after is None:
        return "only in the rebuilt image" if before is None else "only in the released image"
    return ", ".join(key for key in before if before[key] != after[key])


def configs(one, other, path=""):
    """Paths in the config whose values differ; what layers are is told by the layers."""
    if path in ("rootfs", "history"):
        return []
    if isinstance(one, dict) and isinstance(other, dict):
        keys = sorted({*one, *other})
        return [found for key in keys for found in configs(one.get(key), other.get(key), f"{path}.{key}" if path else key)]
    return [] if one == other else [path]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("released")
    parser.add_argument("rebuilt")
    parser.add_argument("--digests", nargs=2, required=True)
    arguments = parser.parse_args()
    released = image(arguments.released, arguments.digests[0])
    rebuilt = image(arguments.rebuilt, arguments.digests[1])
    answer = {"schema": 1, "config": configs(released[2], rebuilt[2]), "layers": layers(released, rebuilt)}
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    try:
        main()
    except (tarfile.TarError, OSError) as error:
        raise SystemExit(f"the archives cannot be read: {error}") from None
