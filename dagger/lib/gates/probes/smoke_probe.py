"""Starts an image as it will run, watches it, stops it, and says what was seen as one JSON document on stdout.

Runs in toolbox:run, which holds podman and crun, so that it is the same on every engine. The container has a network of
its own with nothing but a loopback: nobody answers there, the observability receiver least of all. Standard library only,
Python 3.12 or newer (os.setns).
"""

import argparse
import glob
import http.client
import json
import os
import stat
import subprocess
import sys
import tempfile
import threading
import time

NAME = "smoke"
STORE = "/var/lib/containers"  # the step's scratch folder: on disk, gone after the step
PODMAN = ("podman-on", STORE, "--log-level=error")  # dagger/toolbox/scripts/podman-on
LINES, LINE = 40, 500  # what is kept of the log
BODY = 64 << 10
# Where NVIDIA's container runtime puts the driver's libraries; the last two are WSL2's.
DRIVERS = ("/usr/lib/x86_64-linux-gnu", "/usr/lib64", "/usr/lib/wsl/lib", "/usr/lib/wsl/drivers/*")
PORT, HEALTH_PORT = 8000, 8100


def podman(*argv, seconds=60, check=True):
    return told([*PODMAN, *argv], name=f"podman {argv[0]}", seconds=seconds, check=check)


def told(argv, seconds, name=None, check=True):
    name = name or argv[0]
    environment = {**os.environ, "TMPDIR": STORE, "PODMAN_IGNORE_CGROUPSV1_WARNING": "1"}
    try:
        said = subprocess.run(
            argv,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            stdin=subprocess.DEVNULL,
            timeout=seconds,
            check=False,
            env=environment,
        )
    except subprocess.TimeoutExpired:
        raise SystemExit(f"{name} did not end within {seconds} s") from None
    if check and said.returncode != 0:
        raise SystemExit(f"{name} exited {said.returncode}: {said.stderr.strip()[-2000:]}")
    return said


def unpack(archive):
    """(image, its manifest digest, seconds). Unpacked once for all steps of a run: dagger/toolbox/scripts/unpacked."""
    begin = time.monotonic()
    image = told(["unpacked", archive, "printenv", "IMAGE"], seconds=1800).stdout.strip()
    digest = json.loads(podman("image", "inspect", image).stdout)[0]["Digest"]
    return image, digest, time.monotonic() - begin


# As hosts run it: compose files of Fairlead say the same.
BOUNDS = (
    "--pull=never",
    "--cgroups=disabled",
    "--network=none",
    "--read-only",
    "--read-only-tmpfs=false",
    "--tmpfs=/tmp",
    "--cap-drop=all",
    "--security-opt=no-new-privileges",
)


def start(image, arguments, pidfile):
    """None, or why the image does not start."""
    environment = [*arguments.env, f"{arguments.port_env}={PORT}", f"{arguments.health_port_env}={HEALTH_PORT}"]
    said = podman(
        "run",
        "--detach",
        f"--name={NAME}",
        f"--pidfile={pidfile}",
        *BOUNDS,
        "--log-driver=k8s-file",
        *([f"--volume={arguments.app}:/app:ro", "--workdir=/app"] if arguments.app else []),
        # Without a mode it gets that of the folder that it covers, and root as its owner.
        *(f"--tmpfs={each}:mode=1777" for each in arguments.tmpfs),
        *(f"--volume={each}" for each in arguments.empty_volume),
        *(f"--env={each}" for each in environment),
        image,
        *arguments.command,
        check=False,
    )
    if said.returncode == 0:
        return None
    why = said.stderr.strip()[-2000:]
    if said.returncode in (126, 127):  # podman's own words for "the command cannot be run" and "there is no such command"
        return why
    raise SystemExit(f"podman run exited {said.returncode}: {why}")


def cuda_call(image, arguments):
    """The last line of a call to the GPUs that this step was given; None where it was given none."""
    devices = [*glob.glob("/dev/nvidia*[0-9]"), *glob.glob("/dev/nvidiactl"), *glob.glob("/dev/nvidia-uvm*"), *glob.glob("/dev/dxg")]
    drivers = [path for folder in DRIVERS for name in ("libcuda.so*", "libnvidia-*.so*", "libdxcore.so*") for path in glob.glob(f"{folder}/{name}")]
    if not devices or not any(os.path.basename(path) == "libcuda.so.1" for path in drivers):
        return None
    with open(arguments.cuda_call, encoding="utf-8") as file:
        code = file.read()
    said = podman(
        "run",
        "--rm",
        *BOUNDS,
        *(f"--device={each}" for each in devices if stat.S_ISCHR(os.stat(each).st_mode)),
        # By what links lead to: podman would mount the link's own target under another name.
        *(f"--volume={os.path.realpath(each)}:{each}:ro" for each in drivers),
        f"--env=LD_LIBRARY_PATH={':'.join(sorted({os.path.dirname(each) for each in drivers}))}",
        "--entrypoint=python",
        image,
        "-c",
        code,
        *arguments.gpu,
        seconds=180,
        check=False,
    )
    lines = (said.stdout or said.stderr).strip().splitlines()
    return lines[-1][:LINE] if lines else f"failed podman exited {said.returncode}"


class Running:
    """The container's first process, seen from outside."""

    def __init__(self, pid):
        self.pid = pid
        self.space = self._space(pid)

    @staticmethod
    def _space(pid):
        try:
            return os.readlink(f"/proc/{pid}/ns/pid")
        except OSError:
            return None

    def alive(self):
        return self.space is not None and self._space(self.pid) == self.space

    def age(self):
        with open(f"/proc/{self.pid}/stat", encoding="utf-8") as file:
            ticks = int(file.read().rpartition(")")[2].split()[19])
        return time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")

    def processes(self):
        seen = []
        for name in os.listdir("/proc"):
            if not name.isdigit() or self._space(name) != self.space:
                continue
            try:
                seen.append(self._process(name))
            except OSError:
                continue  # it ended while it was looked at
        return sorted(seen, key=lambda each: each["pid"])

    @staticmethod
    def _process(name):
        with open(f"/proc/{name}/status", encoding="utf-8", errors="replace") as file:
            status = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
        with open(f"/proc/{name}/cmdline", encoding="utf-8", errors="replace") as file:
            command = file.read(4096).split("\0")[:-1]
        return {
            "pid": int(status["NSpid"].split()[-1]),
            "program": os.readlink(f"/proc/{name}/exe"),
            "command": [each[:LINE] for each in command[:20]],
            "uids": sorted({int(each) for each in status["Uid"].split()}),
            "gids": sorted({int(each) for each in status["Gid"].split()}),
            "groups": sorted({int(each) for each in status["Groups"].split()}),
            "capabilities": int(status["CapEff"], 16) | int(status["CapPrm"], 16),
            "noNewPrivileges": status["NoNewPrivs"].strip() == "1",
        }

    def temporary(self):
        """What was written to /tmp, the one folder that can be written to."""
        found = []
        for folder, _, files in os.walk(f"/proc/{self.pid}/root/tmp"):
            found += [os.path.join(folder, each).removeprefix(f"/proc/{self.pid}/root") for each in files]
        return sorted(found)[:LINES]


    def unreadable(self, folder):
        """What the service's user cannot read, by the modes that it meets."""
        first = self._process(str(self.pid))
        root = f"/proc/{self.pid}/root"
        count, examples = 0, []
        for path, _, files in os.walk(root + folder):
            for each in [path, *(os.path.join(path, name) for name in files)]:
                seen = os.lstat(each)
                if stat.S_ISLNK(seen.st_mode):
                    continue
                shift = 6 if seen.st_uid in first["uids"] else 3 if seen.st_gid in first["gids"] else 0
                wanted = 0o5 if stat.S_ISDIR(seen.st_mode) else 0o4
                if (seen.st_mode >> shift) & wanted != wanted:
                    count += 1
                    examples.append(each.removeprefix(root))
        return {"count": count, "examples": sorted(examples)[:LINES]}


def ask(path, seconds):
    connection = http.client.HTTPConnection("127.0.0.1", HEALTH_PORT, timeout=seconds)
    try:
        connection.request("GET", path, headers={"Host": "localhost"})
        answer = connection.getresponse()
        return {"status": answer.status, "body": answer.read(BODY).decode("utf-8", "replace"), "error": None}
    except (OSError, http.client.HTTPException) as error:
        return {"status": None, "body": "", "error": str(error)[:LINE] or type(error).__name__}
    finally:
        connection.close()


def healthy(answer):
    try:
        return answer["status"] == 200 and json.loads(answer["body"])["status"] == "ok"
    except (ValueError, KeyError, TypeError):
        return False


def watch(running, path, limit):
    """Asks until the answer is good, the container ends or the time is up. (last answer, seconds until it was good)."""
    space = os.open(f"/proc/{running.pid}/ns/net", os.O_RDONLY)
    seen = {"answer": None, "seconds": None}

    def poll():
        os.setns(space, os.CLONE_NEWNET)  # holds for this thread only
        deadline = time.monotonic() + limit
        while time.monotonic() < deadline and running.alive():
            seen["answer"] = ask(path, seconds=2)
            if healthy(seen["answer"]):
                seen["seconds"] = running.age()
                return
            time.sleep(0.05)

    thread = threading.Thread(target=poll)
    thread.start()
    thread.join()
    os.close(space)
    return seen["answer"], seen["seconds"]


def stop(running, limit):
    """SIGTERM, as a host sends it; SIGKILL when the time is up."""
    begin = time.monotonic()
    podman("kill", "--signal=TERM", NAME, check=False)
    while running.alive() and time.monotonic() - begin < limit:
        time.sleep(0.02)
    seconds, killed = time.monotonic() - begin, running.alive()
    if killed:
        podman("kill", "--signal=KILL", NAME, check=False)
    return seconds, killed


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--archive", required=True)
    parser.add_argument("--cuda-call", help="a program to run in the image with the GPUs, where there are any")
    parser.add_argument("--gpu", action="append", default=[], help="a compute capability that the image is for")
    parser.add_argument("--app", help="a folder to put at /app; without it the image brings its own")
    parser.add_argument("--port-env", required=True)
    parser.add_argument("--health-port-env", required=True)
    parser.add_argument("--health-path", required=True)
    parser.add_argument("--healthy-seconds", type=float, required=True)
    parser.add_argument("--stop-seconds", type=float, required=True)
    parser.add_argument("--env", action="append", default=[])
    parser.add_argument("--tmpfs", action="append", default=[])
    parser.add_argument("--empty-volume", action="append", default=[])
    parser.add_argument("command", nargs="+")
    arguments = parser.parse_args()
    image, digest, unpacked = unpack(arguments.archive)
    seen = {
        "schema": 1,
        "digest": digest,
        "refused": None,
        "health": None,
        "processes": [],
        "changed": [],
        "temporary": [],
        "unreadable": None,
        "exitCode": None,
        "killed": None,
        "seconds": {"unpack": round(unpacked, 3), "healthy": None, "stop": None},
        "log": [],
    }
    pidfile = os.path.join(tempfile.mkdtemp(), "pid")
    seen["refused"] = start(image, arguments, pidfile)
    if seen["refused"] is None:
        with open(pidfile, encoding="utf-8") as file:
            running = Running(int(file.read()))
        try:
            observe(running, arguments, seen)
        except FileNotFoundError:
            pass  # the container ended between two looks: its exit code says so
        seen["exitCode"] = int(podman("wait", NAME).stdout)
        seen["changed"] = podman("diff", NAME).stdout.splitlines()[:LINES]
        said = podman("logs", f"--tail={LINES}", NAME)
        seen["log"] = [line[:LINE] for line in (said.stdout + said.stderr).splitlines()][-LINES:]
    podman("rm", "--force", "--time=0", "--ignore", NAME, check=False)
    if arguments.cuda_call and seen["refused"] is None:
        seen["cuda"] = cuda_call(image, arguments)
    json.dump(seen, sys.stdout)


def observe(running, arguments, seen):
    seen["health"], seconds = watch(running, arguments.health_path, arguments.healthy_seconds)
    if not running.alive():
        return
    seen["processes"] = running.processes()
    seen["temporary"] = running.temporary()
    if not arguments.app:
        seen["unreadable"] = running.unreadable("/app")
    stopped, killed = stop(running, arguments.stop_seconds)
    seen["killed"] = killed
    seen["seconds"].update(healthy=None if seconds is None else round(seconds, 3), stop=round(stopped, 3))


if __name__ == "__main__":
    main()
