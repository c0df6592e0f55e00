"""Which shared libraries the programs and libraries of an image need, and which of them are not there.

The image's own loader is asked as ldd asks it, since only it knows how it finds things. What it answers for a file is
decided by the file's dynamic section; so it is asked once for all files with the same one, which saves most processes. Part of contract_probe.py; standard library only.
"""

import concurrent.futures
import mmap
import os
import re
import stat
import struct
import subprocess

LOADER = "/lib64/ld-linux-x86-64.so.2"
SECONDS = 30  # for one file
X86_64, EXECUTABLE, SHARED = 62, 2, 3
LOAD, DYNAMIC = 1, 2
NEEDED, STRTAB, SONAME, RPATH, RUNPATH, VERNEED, VERNEEDNUM = 1, 5, 14, 15, 29, 0x6FFFFFFE, 0x6FFFFFFF

ANSWER = re.compile(r"^\t(\S+)(?: => (not found|\S+))?(?: \(0x[0-9a-f]+\))?$")
OUTDATED = re.compile(r"(\S+): version `([^']+)' not found \(required by (.+)\)$")


class NotLooked(Exception):
    """A file that could not be looked at; says why."""


class Packages:
    """Which Debian package a file came with."""

    def __init__(self, tree):
        self.tree, self.folders, self.owners = tree, {}, {}
        folder = "/var/lib/dpkg/info"
        for name in tree.names(folder):
            if name.endswith(".list"):
                package = name[: -len(".list")].partition(":")[0]
                for path in (tree.text(f"{folder}/{name}") or "").splitlines():
                    self.owners[self._settled(path)] = package

    def of(self, path):
        return self.owners.get(self._settled(path))

    def under(self, folder):
        return {package for path, package in self.owners.items() if path.startswith(f"{folder}/")}

    def _settled(self, path):
        # /lib is a link to /usr/lib, and packages name either.
        folder, name = os.path.split(path)
        if folder not in self.folders:
            self.folders[folder] = self.tree.resolve(folder) or folder
        return os.path.join(self.folders[folder], name)


def candidates(path, status):
    """Whether a file may be a program or a shared library, by its name and mode."""
    return stat.S_ISREG(status.st_mode) and status.st_size > 64 and (".so" in os.path.basename(path) or status.st_mode & 0o111)


def dynamic(path):
    """A file's dynamic section: None where it is no ELF file, a word where it is one that the loader has nothing to do with."""
    return read_elf(path, _dynamic, "not a whole ELF file")


def read_elf(path, parse, wrong):
    """What parse says of an ELF file's bytes, None of any other file. NotLooked, beginning with `wrong`, where it could not."""
    with open(path, "rb") as file:
        if file.read(4) != b"\x7fELF":
            return None
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            try:
                return parse(data)
            except (struct.error, IndexError, ValueError) as error:
                raise NotLooked(f"{wrong}: {error}") from error


def _dynamic(data):
    if data[4:6] != b"\x02\x01":
        return "foreign"
    kind, machine = struct.unpack_from("<HH", data, 16)
    if machine != X86_64 or kind not in (EXECUTABLE, SHARED):
        return "foreign"
    offset, size, count = struct.unpack_from("<Q", data, 32)[0], *struct.unpack_from("<HH", data, 54)
    loads, section = [], None
    for at in range(offset, offset + size * count, size):
        what, _, start, address, _, length = struct.unpack_from("<IIQQQQ", data, at)
        if what == LOAD:
            loads.append((address, start, length))
        elif what == DYNAMIC:
            section = (start, length)
    if section is None:
        return "static"

    def place(address):
        return next(start + address - low for low, start, length in loads if low <= address < low + length)

    entries = []
    for at in range(section[0], section[0] + section[1], 16):
        tag, value = struct.unpack_from("<qQ", data, at)
        if tag == 0:
            break
        entries.append((tag, value))
    values = dict(entries)
    if not any(tag == NEEDED for tag, _ in entries):
        return {"needed": (), "soname": "", "rpath": "", "runpath": "", "versions": frozenset()}
    try:
        strings = place(values[STRTAB])
        versions = frozenset(_versions(data, place(values[VERNEED]), strings, values[VERNEEDNUM]) if VERNEED in values else ())
    except (KeyError, StopIteration) as error:
        raise ValueError("its dynamic section points nowhere") from error

    def text(at):
        end = data.find(b"\0", strings + at)
        return data[strings + at : end].decode("utf-8", "surrogateescape")

    return {
        "needed": tuple(text(value) for tag, value in entries if tag == NEEDED),
        "soname": text(values[SONAME]) if SONAME in values else "",
        "rpath": text(values[RPATH]) if RPATH in values else "",
        "runpath": text(values[RUNPATH]) if RUNPATH in values else "",
        "versions": versions,
    }


def _versions(data, at, strings, count):
    """(library, version) of everything that a file wants by version."""

    def text(offset):
        return data[strings + offset : data.find(b"\0", strings + offset)]

    for _ in range(count):
        _, names, library, first, following = struct.unpack_from("<HHIII", data, at)
        here = at + first
        for _ in range(names):
            _, _, _, name, further = struct.unpack_from("<IHHII", data, here)
            yield text(library), text(name)
            here += further
        at += following


def looks_the_same(path, found):
    """Files with equal answers here get equal answers from the loader."""
    relative = "$" in found["rpath"] + found["runpath"]
    return (found["needed"], found["rpath"], found["runpath"], found["versions"], os.path.dirname(path) if relative else None)


def ask(loader, path):
    """({library: path, or None where there is none}, {(library, version) that is too old}) as the loader finds them."""
    try:
        said = subprocess.run(
            [loader, path],
            env={**os.environ, "LD_TRACE_LOADED_OBJECTS": "1", "LD_BIND_NOW": "", "LD_WARN": "", "LD_VERBOSE": ""},
            capture_output=True,
            encoding="utf-8",
            errors="surrogateescape",
            stdin=subprocess.DEVNULL,
            timeout=SECONDS,
            check=False,
            cwd="/",
        )
    except subprocess.TimeoutExpired:
        raise NotLooked(f"the loader did not answer within {SECONDS} s") from None
    except OSError as error:
        raise NotLooked(f"{loader} does not run: {error}") from error
    outdated = [OUTDATED.search(line) for line in said.stderr.splitlines() + said.stdout.splitlines()]
    old = {(os.path.basename(each[1]), each[2]) for each in outdated if each and each[3] == path}
    answers = [ANSWER.match(line) for line in said.stdout.splitlines()]
    found = {each[1]: None if each[2] == "not found" else each[2] or each[1] for each in answers if each}
    if not found and not old:
        raise NotLooked((said.stderr or said.stdout).strip()[-200:] or f"the loader ended with {said.returncode}")
    return found, old


def look(tree, files, packages, wheels, venv, loader=LOADER):
    """What every program and library needs that is not there, by library; `wheels` tells a file's distribution."""
    count = {"static": 0, "foreign": 0}
    alike, unseen, inside, looked = {}, {}, {}, 0
    for path in files:
        try:
            found = dynamic(tree.real(path))
        except (NotLooked, OSError) as error:
            unseen[path] = str(error)
            continue
        if path.startswith(f"{venv}/") and isinstance(found, dict):
            for name in {os.path.basename(path), found["soname"]} - {""}:
                inside.setdefault(name, path)
        if isinstance(found, str):
            count[found] += 1
        elif found:
            looked += 1
            if found["needed"]:
                alike.setdefault(looks_the_same(path, found), []).append(path)
    missing, outdated, used = {}, {}, set()
    with concurrent.futures.ThreadPoolExecutor(max(2, os.cpu_count() or 2)) as pool:
        asked = [(needed, paths, pool.submit(ask, loader, tree.real(paths[0]))) for (needed, *_), paths in alike.items()]
        for needed, paths, answer in asked:
            try:
                found, old = answer.result()
            except NotLooked as error:
                unseen.update(dict.fromkeys(paths, str(error)))
                looked -= len(paths)
                continue
            for library in needed:
                if library in found and found[library] is None:
                    missing.setdefault(library, []).extend(paths)
            for each in old:
                outdated.setdefault(each, []).extend(paths)
            if any(packages.of(path) is None for path in paths):
                mapped = [path[len(tree.root) :] if path.startswith(f"{tree.root}/") else path for path in found.values() if path]
                used |= {packages.of(tree.resolve(path) or path) for path in mapped}

    def owner(path):
        wheel, package = wheels.get(path), packages.of(path)
        return {"kind": "python", "name": wheel} if wheel else {"kind": "debian", "name": package} if package else None

    def needers(paths):
        by = {}
        for path in sorted(paths):
            by.setdefault(str(owner(path)), []).append(path)
        return [{"owner": owner(each[0]), "count": len(each), "example": each[0]} for _, each in sorted(by.items())]

    def brought(library):
        path = inside.get(library)
        return {"path": path, "owner": owner(path)} if path else None

    return {
        "loader": loader,
        "looked": looked,
        "asked": len(alike),
        **count,
        "unseen": {"count": len(unseen), "examples": [{"path": path, "why": why} for path, why in sorted(unseen.items())[:20]]},
        "missing": [{"library": name, "brought": brought(name), "needers": needers(paths)} for name, paths in sorted(missing.items())],
        "outdated": [
            {"library": name, "version": version, "needers": needers(paths)} for (name, version), paths in sorted(outdated.items())
        ],
    }, used - {None}
