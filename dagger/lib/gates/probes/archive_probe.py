"""What an OCI archive says about itself: manifests, configs and layers, as one JSON document on stdout.

Reads the tar's headers and its small blobs; nothing is unpacked. With --uncompressed each layer is decompressed once and
its bytes are counted and hashed, which is exact and needs no disk. Standard library only, and Debian's libzstd.
"""

import argparse
import ctypes
import hashlib
import json
import sys
import tarfile
import zlib

CHUNK = 1 << 20
MAX_JSON = 4 << 20  # the OCI distribution specification's limit for a manifest
MAX_UNCOMPRESSED = 64 << 30  # per layer: an archive that unpacks to more is a bomb, not a layer
INDEXES = ("application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json")


class Archive:
    def __init__(self, path):
        self.tar = tarfile.open(path, "r:")
        self.members = {self._plain(member.name): member for member in self.tar if member.isreg()}

    @staticmethod
    def _plain(name):
        return name[2:] if name.startswith("./") else name

    def open(self, name):
        if name not in self.members:
            raise SystemExit(f"the archive has no {name}")
        return self.tar.extractfile(self.members[name])

    def size(self, digest):
        name = blob(digest)
        return self.members[name].size if name in self.members else None

    def text(self, name):
        if name in self.members and self.members[name].size > MAX_JSON:
            raise SystemExit(f"{name} has {self.members[name].size} bytes, more than a manifest or config may have")
        return self.open(name).read().decode("utf-8")


def blob(digest):
    algorithm, _, value = digest.partition(":")
    if algorithm != "sha256" or len(value) != 64 or any(c not in "0123456789abcdef" for c in value):
        raise SystemExit(f"not a sha256 digest: {digest[:80]!r}")
    return f"blobs/sha256/{value}"


def images(archive, descriptors, depth=0):
    """Every image manifest that the index names; attestations (platform unknown) are not images."""
    if depth > 4:
        raise SystemExit("indexes within indexes within indexes: not an image archive")
    for descriptor in descriptors:
        if (descriptor.get("platform") or {}).get("os") == "unknown":
            continue
        text = archive.text(blob(descriptor["digest"]))
        document = json.loads(text)
        kind = document.get("mediaType") or descriptor.get("mediaType")
        if kind in INDEXES or "manifests" in document:
            yield from images(archive, document["manifests"], depth + 1)
        else:
            yield descriptor["digest"], text, document


def count(kind, source):
    """(bytes, sha256) of a layer's tar."""
    if kind.endswith("zstd"):
        return tally(unzstd(source))
    if kind.endswith("gzip"):
        return tally(gunzip(source))
    return tally(iter(lambda: source.read(CHUNK), b""))


def gunzip(source):
    inflate = None
    while data := source.read(CHUNK):
        while data:
            inflate = inflate or zlib.decompressobj(31)
            yield inflate.decompress(data)
            data = inflate.unused_data  # pigz and estargz write several members
            if inflate.eof:
                inflate = None
    if inflate:
        raise SystemExit("a gzip layer ends in the middle")


class Buffer(ctypes.Structure):
    """ZSTD_inBuffer and ZSTD_outBuffer have the same shape."""

    _fields_ = [("data", ctypes.c_void_p), ("size", ctypes.c_size_t), ("position", ctypes.c_size_t)]


def unzstd(source):
    # dpkg stands on this library, so every Debian has it; Python has zstd of its own only from 3.14 on.
    zstd = ctypes.CDLL("libzstd.so.1")
    zstd.ZSTD_createDCtx.restype = ctypes.c_void_p
    zstd.ZSTD_DCtx_setParameter.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_int]
    zstd.ZSTD_decompressStream.argtypes = [ctypes.c_void_p, ctypes.POINTER(Buffer), ctypes.POINTER(Buffer)]
    zstd.ZSTD_decompressStream.restype = ctypes.c_size_t
    zstd.ZSTD_isError.argtypes = [ctypes.c_size_t]
    zstd.ZSTD_freeDCtx.argtypes = [ctypes.c_void_p]
    context = zstd.ZSTD_createDCtx()
    zstd.ZSTD_DCtx_setParameter(context, 100, 31)  # ZSTD_d_windowLogMax: layers may be made with --long
    room = ctypes.create_string_buffer(CHUNK)
    wanted = 0  # bytes that the frame still wants; 0 between frames
    while data := source.read(CHUNK):
        given = ctypes.create_string_buffer(data, len(data))
        before = Buffer(ctypes.addressof(given), len(data), 0)
        while True:
            after = Buffer(ctypes.addressof(room), CHUNK, 0)
            wanted = zstd.ZSTD_decompressStream(context, ctypes.byref(after), ctypes.byref(before))
            if zstd.ZSTD_isError(wanted):
                raise SystemExit("a zstd layer is damaged")
            yield memoryview(room)[: after.position]
            if before.position == before.size and after.position < CHUNK:
                break
    zstd.ZSTD_freeDCtx(context)
    if wanted:
        raise SystemExit("a zstd layer ends in the middle")


def tally(chunks):
    size, digest = 0, hashlib.sha256()
    for chunk in chunks:
        size += len(chunk)
        if size > MAX_UNCOMPRESSED:
            raise SystemExit(f"a layer unpacks to more than {MAX_UNCOMPRESSED} bytes")
        digest.update(chunk)
    return size, f"sha256:{digest.hexdigest()}"


def layer(archive, descriptor, uncompressed):
    digest = descriptor["digest"]
    stored = archive.size(digest)
    if stored != descriptor["size"]:
        raise SystemExit(f"layer {digest} has {stored} bytes in the archive, the manifest says {descriptor['size']}")
    seen = {"digest": digest, "compressed": stored, "uncompressed": None, "diffId": None}
    if uncompressed:
        size, diff_id = count(descriptor["mediaType"], archive.open(blob(digest)))
        seen.update(uncompressed=size, diffId=diff_id)
    return seen


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("archive")
    parser.add_argument("--digest", required=True, help="the image whose layers are looked at")
    parser.add_argument("--uncompressed", action="store_true")
    arguments = parser.parse_args()
    archive = Archive(arguments.archive)
    seen = []
    for digest, text, manifest in images(archive, json.loads(archive.text("index.json"))["manifests"]):
        image = {"digest": digest, "manifest": text, "config": archive.text(blob(manifest["config"]["digest"]))}
        # Layers of an image that nobody asked for are not worth the time: the caller refuses it by its digest.
        asked = digest == arguments.digest
        image["layers"] = [layer(archive, each, arguments.uncompressed) for each in manifest["layers"]] if asked else []
        seen.append(image)
    json.dump({"schema": 1, "images": seen}, sys.stdout)


if __name__ == "__main__":
    try:
        main()
    except (tarfile.TarError, OSError) as error:
        raise SystemExit(f"the archive cannot be read: {error}") from None
