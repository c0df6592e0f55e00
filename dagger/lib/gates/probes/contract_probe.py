"""What stands in an image's file system, as one JSON document on stdout. It judges nothing: see gates/blueprint/.

Runs inside the image as root, so that every folder can be read. With --root it looks at a folder tree instead, and then
starts none of the tree's programs; with --loader it asks that one what they need. Standard library only, Python 3.9 or
newer.
"""

import argparse
import concurrent.futures
import csv
import hashlib
import importlib.metadata
import json
import os
import re
import stat
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))  # python -I leaves out the folder of the script itself

import gpu_code
import linked

VENV = "/opt/venv"
EXAMPLES = 20  # paths kept of each kind; the counts are whole
READABLE = 1 << 20  # bytes of a file that are searched for a key

BINARIES = re.compile(r"/(?:s?bin|libexec)$|/lib/(?:gcc|llvm)[^/]*(?:/|$)")
COMPILER = re.compile(
    r"(?:[a-z0-9_]+-linux-gnu-)?"
    r"(?:gcc|g\+\+|cc|c\+\+|cpp|clang|clang\+\+|clang-cpp|gfortran|tcc|as|ld|ld\.bfd|ld\.gold|ld\.lld|lld|nvcc|ptxas)"
    r"(?:-[0-9]+(?:\.[0-9]+)*)?"
    r"|cc1|cc1plus|collect2|cicc|c89|c99|c89-gcc|c99-gcc"
    r"|rustc|cargo|rustup|go|gofmt|javac|ghc|nasm|yasm"
)
BUILD_TOOL = re.compile(
    r"make|gmake|make-first-existing-target|cmake|ccmake|ctest|ninja|ninja-build|meson|scons|bazel|autoconf|automake"
    r"|libtool|libtoolize|bison|yacc|flex|m4|pkg-config|pkgconf|[a-z0-9_]+-linux-gnu-pkg-config|swig|cython|cythonize"
    r"|dpkg-buildpackage|fakeroot"
)
INSTALLER = re.compile(r"(?:pip|pipx|uv|uvx|poetry|pdm|hatch|conda|mamba|easy_install)[0-9]?(?:[.-][0-9]+)*")

CACHES = (
    "/var/lib/apt/lists",
    "/var/cache/apt",
    "/var/cache/pip",
    "/root/.cache",
    "/root/.npm",
    "/root/.cargo",
    "/root/.local/share/uv",
    "/usr/local/share/.cache",
    "/tmp",
    "/var/tmp",
)
# apt makes these anew and empty whenever it runs; they hold nothing.
CACHE_FRAMES = {"/var/lib/apt/lists/lock", "/var/cache/apt/archives/lock"}

GPU_LIBRARY = re.compile(
    r"lib(?:cuda|cudart|cublas|cublasLt|cudnn|cufft|curand|cusolver|cusparse|cupti|nccl|nvrtc|nvToolsExt|nvJitLink"
    r"|nvidia-[a-z]+|torch_cuda|c10_cuda|onnxruntime_providers_(?:cuda|tensorrt))(?:[-_.][^/]*)?\.so(?:\.[0-9.]+)?"
)

# What a package cannot be without. Tests, headers, stubs and documents may be left out of an image to make it smaller.
NEEDED = re.compile(r"\.py$|\.so(?:\.[0-9.]+)?$|/s?bin/[^/]+$")
TESTS = re.compile(r"/(?:tests?|testing|benchmarks?|examples?|docs?)/|/(?:test_[^/]*|[^/]*_test|conftest)\.py$")

SAID = "fairlead: imported "  # in front of the answer, since modules may print what they like while they are imported
IMPORT = """
import importlib, json, sys
module = importlib.import_module(sys.argv[1])
top = sys.modules[sys.argv[1].partition(".")[0]]
with open("/proc/self/maps", encoding="utf-8", errors="surrogateescape") as maps:
    mapped = {line.split(maxsplit=5)[5].rstrip("\\n") for line in maps if line.count(" /")}
answer = [getattr(module, "__file__", None), str(getattr(top, "__version__", "")), sorted(path for path in mapped if ".so" in path)]
print("\\n" + sys.argv[2] + json.dumps(answer), flush=True)
"""

EXCEPTION = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*(?:Error|Exception|Exit|Interrupt|Warning)(?::|$)")

KEY_NAMES = re.compile(r".*\.(?:pem|key|p12|pfx|ppk|jks)|id_(?:rsa|dsa|ecdsa|ed25519)(?:_sk)?|ssh_host_[a-z0-9]+_key")
PRIVATE_KEY = re.compile(rb"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----")
CREDENTIALS = {
    ".netrc",
    "_netrc",
    ".git-credentials",
    ".pypirc",
    ".dockercfg",
    ".docker/config.json",
    ".aws/credentials",
    ".config/gh/hosts.yml",
    ".config/gcloud/application_default_credentials.json",
    ".huggingface/token",
    ".cache/huggingface/token",
}
CREDENTIAL_LINES = {
    "pip.conf": re.compile(rb"://[^/\s@]+:[^/\s@]+@"),
    ".npmrc": re.compile(rb"_authToken|_password|_auth\s*="),
    "uv.toml": re.compile(rb"://[^/\s@]+:[^/\s@]+@"),
    "sources.list": re.compile(rb"://[^/\s@]+:[^/\s@]+@"),
}
SECRET_FOLDERS = ("/run/secrets/", "/etc/apt/auth.conf.d/")


class Tree:
    """The image's files. Paths in answers are always absolute in the image, whatever the root is."""

    def __init__(self, root):
        self.root = root.rstrip("/")
        self.own = root == "/"
        self.mounts = self._mounts() if self.own else set()

    @staticmethod
    def _mounts():
        # What the engine mounts (its own files, /proc, /etc/hosts …) is not in the image.
        with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as lines:
            points = {re.sub(r"\\([0-7]{3})", lambda m: chr(int(m[1], 8)), line.split()[4]) for line in lines}
        return points - {"/"}

    def real(self, path):
        return self.root + path

    def resolve(self, path, hops=40):
        """The path with every symbolic link followed inside the root; None if it leads nowhere."""
        done, rest = "", [part for part in path.split("/") if part]
        while rest:
            part = rest.pop(0)
            if part in (".", ".."):
                done = done if part == "." else os.path.dirname(done).rstrip("/")
                continue
            here = f"{done}/{part}"
            try:
                mode = os.lstat(self.real(here)).st_mode
            except OSError:
                return None
            if not stat.S_ISLNK(mode):
                done = here
                continue
            hops -= 1
            if hops < 0:
                return None
            target = os.readlink(self.real(here))
            done = "" if target.startswith("/") else done
            rest = [each for each in target.split("/") if each] + rest
        return done or "/"

    def status(self, path):
        resolved = self.resolve(path)
        return os.lstat(self.real(resolved)) if resolved else None

    def bytes(self, path, limit=READABLE):
        resolved = self.resolve(path)
        if not resolved or not stat.S_ISREG(os.lstat(self.real(resolved)).st_mode):
            return None
        with open(self.real(resolved), "rb") as file:
            return file.read(limit)

    def text(self, path, limit=64 << 20):
        data = self.bytes(path, limit)
        return None if data is None else data.decode("utf-8", "replace")

    def names(self, path):
        try:
            return sorted(os.listdir(self.real(self.resolve(path) or path)))
        except OSError:
            return []

    def walk(self):
        """(path, lstat) of everything in the image, folders first, mounts left out."""
        folders = [""]
        while folders:
            folder = folders.pop()
            with os.scandir(self.real(folder) or "/") as entries:
                inside = sorted(entries, key=lambda entry: entry.name)
            for entry in inside:
                path = f"{folder}/{entry.name}"
                if path in self.mounts:
                    continue
                status = entry.stat(follow_symlinks=False)
                if stat.S_ISDIR(status.st_mode):
                    folders.append(path)
                yield path, status


class Some:
    """A count of everything and the first few paths."""

    def __init__(self):
        self.count, self.bytes, self.examples = 0, 0, []

    def add(self, path, size=0):
        self.count += 1
        self.bytes += size
        if len(self.examples) < EXAMPLES:
            self.examples.append(path)

    def answer(self):
        return {"count": self.count, "bytes": self.bytes, "examples": self.examples}


class Files:
    """One walk over everything: each method looks at one file for one reason."""

    def __init__(self, tree, packaged):
        self.tree, self.packaged = tree, packaged
        self.files, self.bytes = 0, 0
        self.setuid, self.capabilities, self.tools, self.secrets = [], [], [], []
        self.writable_folders, self.writable_files = Some(), Some()
        self.bytecode, self.timestamped, self.gpu = Some(), Some(), Some()
        self.headers = {"/usr/include": Some(), "/usr/local/include": Some()}
        homes = {f"{home}/.cache" for _, _, _, home in accounts_raw(tree) if home not in ("", "/", "/nonexistent")}
        self.caches = {path: Some() for path in sorted({*CACHES, *homes})}
        self.seen = set()
        self.binaries = []
        self.gpu_code, self.gpu_unread = [], []

    def look(self):
        for path, status in self.tree.walk():
            kind = status.st_mode
            if not stat.S_ISDIR(kind):
                self.files += 1
            if stat.S_ISREG(kind) and (status.st_nlink == 1 or (status.st_dev, status.st_ino) not in self.seen):
                self.bytes += status.st_size
                if status.st_nlink > 1:
                    self.seen.add((status.st_dev, status.st_ino))
            self._permissions(path, status)
            if not stat.S_ISDIR(kind):
                self._tools(path, status)
                self._leftovers(path, status)
            if stat.S_ISREG(kind):
                self._bytecode(path, status)
                self._secrets(path, status)
                if linked.candidates(path, status):
                    self.binaries.append(path)
                    self._gpu_code(path)
                if GPU_LIBRARY.fullmatch(os.path.basename(path)):
                    self.gpu.add(path, status.st_size)

    def _permissions(self, path, status):
        mode = status.st_mode
        if stat.S_ISREG(mode) and mode & (stat.S_ISUID | stat.S_ISGID):
            self.setuid.append({"path": path, "mode": f"{stat.S_IMODE(mode):04o}", "uid": status.st_uid, "gid": status.st_gid})
        if mode & stat.S_IWOTH and stat.S_ISDIR(mode) and not mode & stat.S_ISVTX:
            self.writable_folders.add(path)
        if mode & stat.S_IWOTH and stat.S_ISREG(mode):
            self.writable_files.add(path, status.st_size)
        if stat.S_ISREG(mode) and mode & 0o111 and "security.capability" in attributes(self.tree.real(path)):
            self.capabilities.append(path)

    def _tools(self, path, status):
        folder, name = os.path.split(path)
        if not BINARIES.search(folder):
            return
        if stat.S_ISREG(status.st_mode) and not status.st_mode & 0o111:
            return
        for kind, names in (("compiler", COMPILER), ("build tool", BUILD_TOOL), ("installer", INSTALLER)):
            if names.fullmatch(name):
                self.tools.append({"path": path, "kind": kind})

    def _leftovers(self, path, status):
        for folder, some in self.caches.items():
            if path.startswith(f"{folder}/") and path not in CACHE_FRAMES:
                some.add(path, status.st_size)
        for folder, some in self.headers.items():
            if path.startswith(f"{folder}/"):
                some.add(path, status.st_size)

    def _bytecode(self, path, status):
        if not path.endswith((".pyc", ".pyo")):
            return
        self.bytecode.add(path, status.st_size)
        with open(self.tree.real(path), "rb") as file:
            head = file.read(8)
        # PEP 552: the flags' lowest bit says that the file is checked by hash, not by its source's time.
        # What came in a package is the same in every build.
        if path.startswith(f"{VENV}/") and path not in self.packaged and not (len(head) == 8 and head[4] & 1):
            self.timestamped.add(path, status.st_size)

    def _gpu_code(self, path):
        try:
            found = gpu_code.architectures(self.tree.real(path))
        except linked.NotLooked as error:
            self.gpu_unread.append({"path": path, "why": str(error)})
        else:
            if found:
                self.gpu_code.append({"path": path, **found})

    def _secrets(self, path, status):
        name = os.path.basename(path)
        if status.st_size == 0 or path in self.packaged:
            return  # a key in a package that the lock names is public, not a secret that somebody left
        if path.startswith(SECRET_FOLDERS):
            self.secrets.append({"path": path, "why": "a build secret"})
        elif any(path.endswith(f"/{each}") for each in CREDENTIALS):
            self.secrets.append({"path": path, "why": "credentials"})
        elif KEY_NAMES.fullmatch(name) and PRIVATE_KEY.search(self.tree.bytes(path) or b""):
            self.secrets.append({"path": path, "why": "a private key"})
        elif name in CREDENTIAL_LINES and CREDENTIAL_LINES[name].search(self.tree.bytes(path) or b""):
            self.secrets.append({"path": path, "why": "credentials in a setting"})

    def answer(self):
        return {
            "files": self.files,
            "bytes": self.bytes,
            "setuid": self.setuid,
            "capabilities": self.capabilities,
            "tools": self.tools,
            "headers": [{"path": path, **some.answer()} for path, some in self.headers.items() if some.count],
            "caches": [{"path": path, **some.answer()} for path, some in self.caches.items() if some.count],
            "bytecode": {**self.bytecode.answer(), "timestamped": self.timestamped.answer()},
            "writable": {"folders": self.writable_folders.answer(), "files": self.writable_files.answer()},
            "gpuLibraries": self.gpu.answer(),
            "gpuCode": {"libraries": self.gpu_code, "unread": self.gpu_unread},
            "secrets": self.secrets,
        }


def attributes(path):
    try:
        return os.listxattr(path, follow_symlinks=False)
    except OSError:
        return []


def python(tree):
    """The Python that services get. Inside the image it is asked itself, as a service would see it."""
    inside = {"executable": f"{VENV}/bin/python", "venv": tree.status(f"{VENV}/bin/python") is not None}
    settings = dict(
        [part.strip() for part in line.split("=", 1)] for line in (tree.text(f"{VENV}/pyvenv.cfg") or "").splitlines() if "=" in line
    )
    inside["systemSite"] = settings.get("include-system-site-packages", "false").lower() == "true"
    if not tree.own:
        inside["version"] = settings.get("version") or settings.get("version_info")
        inside["path"] = site_folders(tree)
        return inside
    inside["executable"] = inside["executable"] if inside["venv"] else sys.executable
    ask = "import json, platform, sys; print(json.dumps([platform.python_version(), sys.path]))"
    said = run([inside["executable"], "-I", "-B", "-c", ask], seconds=60)
    if said.returncode != 0:
        raise SystemExit(f"{inside['executable']} does not run: {said.stderr[-500:]}")
    inside["version"], inside["path"] = json.loads(said.stdout.splitlines()[-1])
    return inside


def site_folders(tree):
    found = []
    for library in (f"{VENV}/lib", "/usr/local/lib", "/usr/lib"):
        for name in tree.names(library):
            for kind in ("site-packages", "dist-packages"):
                path = f"{library}/{name}/{kind}"
                if name.startswith("python3") and tree.status(path):
                    found.append(path)
    return found


def distributions(tree, folders):
    """(what is installed, metadata that names nothing, the files that came in packages -> name of the package)."""
    installed, broken, packaged = [], [], {}
    for folder in folders:
        for found in importlib.metadata.distributions(path=[tree.real(folder)]):
            metadata = os.path.relpath(str(found._path), tree.real(folder))
            name = found.metadata["Name"] if found.metadata else None
            version = found.metadata["Version"] if found.metadata else None
            if not name or not version:
                broken.append(f"{folder}/{metadata}")
                continue
            files, missing, size = 0, Some(), 0
            # Not found.files: newer Pythons leave out what is missing, and that is what is looked for.
            for row in csv.reader((found.read_text("RECORD") or "").splitlines()):
                each, digest, *_ = [*row, "", ""]
                path = os.path.normpath(f"{folder}/{each}")
                if digest:  # installers add what they make themselves without one
                    packaged[path] = name
                files += 1
                status = tree.status(path)
                if status:
                    size += status.st_size
                elif NEEDED.search(path) and not TESTS.search(path):
                    missing.add(path)
            installed.append(
                {"name": name, "version": version, "location": folder, "files": files, "missing": missing.answer(), "bytes": size}
            )
    return installed, broken, packaged


def debian(tree):
    packages = []
    for block in (tree.text("/var/lib/dpkg/status") or "").split("\n\n"):
        fields = dict(re.findall(r"^([A-Z][A-Za-z-]*): (.*)$", block, re.M))
        if fields.get("Status", "").endswith(" installed"):
            packages.append(
                {
                    "name": fields["Package"],
                    "version": fields.get("Version", ""),
                    "bytes": int(fields.get("Installed-Size", "0")) * 1024,
                    "priority": fields.get("Priority", ""),
                    "essential": fields.get("Essential", "no") == "yes",
                    # Each in alternatives; versions are left out, since dpkg saw to them.
                    "depends": [alternatives(each) for key in ("Pre-Depends", "Depends") for each in listed(fields.get(key, ""))],
                    "provides": [name for each in listed(fields.get("Provides", "")) for name in alternatives(each)],
                }
            )
    return packages


def listed(field):
    return [each for each in field.split(",") if each.strip()]


def alternatives(relation):
    """The names in "a (>= 1) | b:any"."""
    return [re.split(r"[\s(:\[<]", each.strip(), maxsplit=1)[0] for each in relation.split("|")]


def needed(tree, packages, interpreter, init):
    """The packages that init and the Python that services get came with, its standard library included."""
    programs = [tree.resolve(path) for path in (interpreter["executable"], init)]
    python3 = {"python3", "python" + ".".join((interpreter["version"] or "").split(".")[:2])}
    folders = [path for path in interpreter["path"] if not path.startswith(VENV) and not path.endswith("-packages")]
    found = {packages.of(path) for path in programs if path} | python3 & set(packages.owners.values())
    return found.union(*(packages.under(folder) for folder in folders if folder.startswith("/usr/lib/python"))) - {None}


def release(tree):
    fields = dict(re.findall(r'^([A-Z_]+)="?([^"\n]*)"?$', tree.text("/etc/os-release") or "", re.M))
    return {"id": fields.get("ID", ""), "codename": fields.get("VERSION_CODENAME", "")}


def accounts_raw(tree):
    for line in (tree.text("/etc/passwd") or "").splitlines():
        name, _, uid, gid, _, home, *_ = [*line.split(":"), "", "", "", "", "", "", ""]
        if uid.isdigit() and gid.isdigit():
            yield name, int(uid), int(gid), home


def accounts(tree):
    shadow = {}
    for line in (tree.text("/etc/shadow") or "").splitlines():
        name, password, *_ = [*line.split(":"), "", ""]
        # Only whether there is a password: the hash itself is nobody's business.
        shadow[name] = "locked" if password.startswith(("!", "*")) else "set" if password else "empty"
    return [
        {"name": name, "uid": uid, "gid": gid, "home": home, "password": shadow.get(name, "none")}
        for name, uid, gid, home in accounts_raw(tree)
    ]


def program(tree, path, version=()):
    status = tree.status(path)
    seen = {"path": path, "present": status is not None, "executable": False, "ownedBy": None, "mode": None, "sha256": None, "version": None}
    if not status:
        return seen
    data = tree.bytes(path, 64 << 20)
    seen.update(
        executable=bool(data is not None and status.st_mode & 0o111 == 0o111),
        ownedBy=status.st_uid,
        mode=f"{stat.S_IMODE(status.st_mode):04o}",
        sha256=hashlib.sha256(data).hexdigest() if data is not None else None,
    )
    if version and tree.own and seen["executable"]:
        said = run([path, *version], seconds=10)
        seen["version"] = (said.stdout + said.stderr).strip()[:100] if said.returncode == 0 else None
    return seen


def certificates(tree):
    bundle = tree.bytes("/etc/ssl/certs/ca-certificates.crt", 16 << 20)
    folder, packaged = "/usr/share/ca-certificates", 0
    for vendor in tree.names(folder):
        packaged += sum(name.endswith(".crt") for name in tree.names(f"{folder}/{vendor}"))
    local = [f"/usr/local/share/ca-certificates/{name}" for name in tree.names("/usr/local/share/ca-certificates")]
    return {"bundle": None if bundle is None else bundle.count(b"-----BEGIN CERTIFICATE-----"), "packaged": packaged, "local": local}


def importing(pool, tree, modules, interpreter, user):
    """Begins to import each module, as the image's own user and in a process of its own, while other things are looked at."""
    uid, _, gid = user.partition(":")
    home = next((home for _, number, _, home in accounts_raw(tree) if number == int(uid)), "/")

    def begin(module):
        return run(
            [interpreter["executable"], "-B", "-c", IMPORT, module, SAID],
            seconds=300,
            cwd="/",
            env={**os.environ, "HOME": home},
            user=int(uid),
            group=int(gid),
            extra_groups=[],
        )

    return [(module, pool.submit(begin, module)) for module in modules]


def imports(begun, interpreter, packaged):
    """Whether each module imports, and what that maps of the system."""
    folders = [path for path in interpreter["path"] if path.endswith("-packages")]
    answers, mapped = [], set()
    for module, ending in begun:
        said = ending.result()
        told = [line[len(SAID) :] for line in said.stdout.splitlines() if line.startswith(SAID)]
        imported = said.returncode == 0 and bool(told)
        file, version, libraries = json.loads(told[-1]) if imported else (None, "", [])
        mapped.update(libraries)
        exceptions = [] if imported else causes(said.stderr) or [f"it ended with exit code {said.returncode} and no answer"]
        answers.append(
            {
                "module": module,
                "imported": imported,
                "error": exceptions[0] if exceptions else None,
                # An error that was met with another one is told first, and the other one may say more.
                "further": exceptions[1:6],
                "file": file,
                "version": version or None,
                "distribution": packaged.get(file) or bringing(module, folders, packaged),
            }
        )
    return answers, mapped


def bringing(module, folders, packaged):
    """The distribution that a module comes with, found by its files: one that does not import cannot be asked."""
    path = module.replace(".", "/")
    for folder in folders:
        single = re.compile(re.escape(f"{folder}/{path}") + r"(?:\.py|/__init__\.py|\.[^/]*\.?so)")
        found = [name for file, name in packaged.items() if single.fullmatch(file)]
        top = f"{folder}/{module.partition('.')[0]}/"
        found += [name for file, name in packaged.items() if file.startswith(top)]
        if found:
            return found[0]
    return None


def causes(traceback):
    """The exceptions of a traceback; the one that the others came from is printed first."""
    lines = [line for line in traceback.splitlines() if line.strip()]
    return [line[:300] for line in lines if EXCEPTION.match(line)] or [line[:300] for line in lines[-1:]]


def run(argv, seconds, **options):
    try:
        return subprocess.run(
            argv, capture_output=True, encoding="utf-8", errors="replace", stdin=subprocess.DEVNULL, timeout=seconds, check=False, **options
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(argv, 124, "", f"did not end within {seconds} s")
    except OSError as error:
        return subprocess.CompletedProcess(argv, 127, "", str(error))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", default="/")
    parser.add_argument("--init", required=True)
    parser.add_argument("--entrypoint", required=True)
    parser.add_argument("--user", required=True)
    parser.add_argument("--module", action="append", default=[])
    parser.add_argument("--loader", default=None, help="the loader to ask about a tree that is not the image's own")
    arguments = parser.parse_args()
    tree = Tree(arguments.root)
    interpreter = python(tree)
    folders = [path for path in dict.fromkeys([*interpreter["path"], *site_folders(tree)]) if path.endswith("-packages")]
    pool = concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1)
    begun = importing(pool, tree, arguments.module, interpreter, arguments.user) if tree.own else []
    installed, broken, packaged = distributions(tree, folders)
    files = Files(tree, packaged)
    files.look()
    packages = linked.Packages(tree)
    used = needed(tree, packages, interpreter, arguments.init)
    imported, mapped = imports(begun, interpreter, packaged)
    used |= {packages.of(path) for path in mapped} - {None}
    libraries, loader = None, linked.LOADER if tree.own else arguments.loader
    if loader:
        libraries, linking = linked.look(tree, files.binaries, packages, packaged, VENV, loader)
        used |= linking
    json.dump(
        {
            "schema": 1,
            "python": interpreter,
            "distributions": installed,
            "brokenMetadata": broken,
            "debian": debian(tree),
            "release": release(tree),
            "accounts": accounts(tree),
            "init": program(tree, arguments.init, ["--version"]),
            "entrypoint": program(tree, arguments.entrypoint),
            "certificates": certificates(tree),
            "profile": tree.text("/etc/machine-profile.json", 64 << 10),
            "imports": imported,
            "libraries": libraries,
            "used": sorted(used),
            **files.answer(),
        },
        sys.stdout,
    )


if __name__ == "__main__":
    main()
