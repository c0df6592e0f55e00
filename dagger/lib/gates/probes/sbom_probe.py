"""The SBOM that is sealed in an image, out of its archive: the document as a file, and what it hashes to on stdout.

Layers are read from the last one down, since the seal is the last, and a small one. Standard library, libzstd, and the
probe beside it that reads archives.
"""

import argparse
import hashlib
import io
import json
import os
import sys
import tarfile
import zlib

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))  # python -I leaves it out
from archive_probe import CHUNK, Archive, blob, gunzip, unzstd  # noqa: E402

MOST = 64 << 20  # bytes of a document: tens of thousands of packages


class Unpacked:
    """A layer's tar as something to read from."""

    def __init__(self, kind, source):
        pieces = unzstd(source) if kind.endswith("zstd") else gunzip(source) if kind.endswith("gzip") else iter(lambda: source.read(CHUNK), b"")
        self.pieces, self.rest = pieces, b""

    def read(self, size):
        have = [self.rest]
        while sum(map(len, have)) < size:
            piece = next(self.pieces, None)
            if piece is None:
                break
            have.append(bytes(piece))
        data = b"".join(have)
        self.rest = data[size:]
        return data[:size]


def sealed(archive, layers, path):
    """(the file's bytes, its layer); nothing where no layer has it, or a later one took it away."""
    parts = path.split("/")
    gone = {"/".join([*parts[:at], f".wh.{parts[at]}"]) for at in range(len(parts))}
    gone |= {"/".join([*parts[:at], ".wh..wh..opq"]) for at in range(1, len(parts))}
    for layer in reversed(layers):
        found, hidden = None, False
        with tarfile.open(fileobj=Unpacked(layer["mediaType"], archive.open(blob(layer["digest"]))), mode="r|") as tar:
            for member in tar:
                name = member.name.removeprefix("./")
                hidden = hidden or name in gone
                if name == path and (not member.isreg() or member.size > MOST):
                    raise SystemExit(f"/{path} is no file of a sensible size")
                found = tar.extractfile(member).read() if name == path else found
        if found is not None:
            return found, layer["digest"]
        if hidden:
            break
    return None, None


def document(packed):
    text = b""
    for piece in gunzip(io.BytesIO(packed)):
        text += piece
        if len(text) > MOST:
            raise SystemExit(f"the SBOM unpacks to more than {MOST} bytes")
    return text


def sha256(archive, digest):
    hashed = hashlib.sha256()
    source = archive.open(blob(digest))
    while data := source.read(CHUNK):
        hashed.update(data)
    return f"sha256:{hashed.hexdigest()}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("archive")
    parser.add_argument("--digest", required=True)
    parser.add_argument("--path", required=True, help="the sealed file, packed with gzip")
    parser.add_argument("--output", required=True)
    arguments = parser.parse_args()
    archive = Archive(arguments.archive)
    if blob(arguments.digest) not in archive.members or sha256(archive, arguments.digest) != arguments.digest:
        raise SystemExit(f"the archive is of another image: it has no {arguments.digest}")
    layers = json.loads(archive.text(blob(arguments.digest)))["layers"]
    packed, layer = sealed(archive, layers, arguments.path.strip("/"))
    if packed is None:
        return {"schema": 1, "sealed": None}
    if sha256(archive, layer) != layer:
        raise SystemExit(f"layer {layer} is damaged")
    text = document(packed)
    with open(arguments.output, "wb") as file:
        file.write(text)
    return {"schema": 1, "sealed": {"layer": layer, "sha256": f"sha256:{hashlib.sha256(text).hexdigest()}", "bytes": len(text)}}


if __name__ == "__main__":
    try:
        print(json.dumps(main()))
    except (tarfile.TarError, OSError, zlib.error) as error:
        raise SystemExit(f"the archive cannot be read: {error}") from None
    except (KeyError, TypeError, ValueError) as error:
        raise SystemExit(f"the manifest has another shape: {type(error).__name__}: {error}") from None
