"""Which NVIDIA GPUs a library was compiled for, read from its fat binaries; no GPU and no tool of NVIDIA's is needed.

A library has device code in sections .nv_fatbin and __nv_relfatbin: fat binaries one after another, each with one entry per
architecture, either machine code ("compiled") or PTX, which a driver compiles when it is loaded. The layout is what PyTorch's,
cuDNN's and NCCL's own libraries show; NVIDIA documents none. Part of contract_probe.py; standard library only.
"""

import struct

import linked

SECTIONS = (b".nv_fatbin", b"__nv_relfatbin")
MAGIC = 0xBA55ED50
KINDS = {1: "ptx", 2: "compiled"}
FIRST = 64  # bytes of code that tell whether there is any: where it was taken out, zeros are left


def architectures(path):
    """{"compiled": ["8.0", …], "ptx": ["9.0"]}, lowest first; None where a file has no device code."""
    return linked.read_elf(path, _architectures, "its device code is not of the known layout")


def _architectures(data):
    found = sorted({each for start, end in _sections(data) for each in _entries(data, start, end)})
    if not found:
        return None
    return {kind: [f"{arch // 10}.{arch % 10}" for each, arch in found if each == kind] for kind in ("compiled", "ptx")}


def _sections(data):
    if data[4:6] != b"\x02\x01":
        return
    table = struct.unpack_from("<Q", data, 40)[0]
    size, count, names = struct.unpack_from("<HHH", data, 58)
    if table == 0:
        return  # stripped of its section headers, as some programs are
    headers = [struct.unpack_from("<IIQQQQ", data, table + each * size) for each in range(count)]
    for name, _, _, _, start, length in headers:
        at = headers[names][4] + name
        if data[at : data.find(b"\0", at)] in SECTIONS:
            yield start, start + length


def _entries(data, at, end):
    while at < end:
        magic, version, head, length = struct.unpack_from("<IHHQ", data, at)
        if magic == 0:
            at += 8  # between two of them
            continue
        if magic != MAGIC or version != 1 or head + length == 0:
            raise ValueError(f"no fat binary at {at}")
        entry, at = at + head, at + head + length
        while entry < at:
            kind, _, head, length = struct.unpack_from("<HHIQ", data, entry)
            code = entry + head
            if data[code : code + min(FIRST, length)].strip(b"\0"):
                if kind not in KINDS:
                    raise ValueError(f"an entry of kind {kind}")
                yield KINDS[kind], struct.unpack_from("<I", data, entry + 28)[0]
            if head + length == 0:
                raise ValueError(f"an entry without a length at {entry}")
            entry = code + length
