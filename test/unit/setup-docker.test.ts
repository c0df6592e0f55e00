import { describe, expect, it } from "vitest"
import { hasCgroups } from "../../cli/setup/cgroups.ts"
import { judged, unsuitability, wayTo } from "../../cli/setup/docker.ts"
import type { DockerServer, DockerState } from "../../cli/setup/docker-server.ts"
import { fixFor } from "../../cli/setup/dockerd.ts"
import { type Machine, readOsRelease } from "../../cli/setup/machine.ts"

const bookworm: Machine = {
  platform: "linux",
  wsl: false,
  root: true,
  capable: true,
  systemd: false,
  os: readOsRelease("ID=debian\nVERSION_ID=12\nVERSION_CODENAME=bookworm\n"),
}
const server: DockerServer = {
  version: "26.1.5+dfsg1",
  os: "linux",
  arch: "x86_64",
  store: "containerd",
  rootDir: "/var/lib/docker",
  local: true,
  rootless: false,
  cgroups: "2",
}
const absent: DockerState = { is: "absent" }
const silent = (more: object = {}): DockerState => ({
  is: "silent",
  why: "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?",
  endpoint: "unix:///var/run/docker.sock",
  ...more,
})

describe("a Docker that answers", () => {
  it("is used as it is", () => {
    expect(judged({ is: "answering", server: { ...server, version: "23.0.6" } }, bookworm)).toEqual({
      state: "ready",
      detail: "Docker 23.0.6, containerd image store, cgroup v2",
    })
  })

  it("is refused when it is too old, rootless, without the containerd store, or for Windows, each with the way out", () => {
    expect(unsuitability({ ...server, store: "classic" })).toMatchObject({
      detail: "Docker 26.1.5+dfsg1 keeps images in its classic store, which takes no OCI layouts and archives",
      fix: expect.stringContaining("containerd-snapshotter"),
    })
    expect(unsuitability({ ...server, version: "20.10.24+dfsg1" })).toMatchObject({
      state: "unsuitable",
      detail: "Docker 20.10.24+dfsg1 cannot read zstd layers",
      fix: expect.stringContaining("upgrade it to 23 or newer"),
    })
    expect(unsuitability({ ...server, rootless: true })?.detail).toContain("rootless, which is not supported yet")
    expect(unsuitability({ ...server, os: "windows" })?.fix).toContain("Linux containers")
  })
})

describe("the way to a Docker that answers", () => {
  it("is to install it on Debian as root, and to start one that is there", () => {
    expect(wayTo(absent, bookworm, false)).toEqual({ install: true })
    expect(wayTo(silent(), bookworm, true)).toEqual({ install: false })
  })

  it("is to install the rest where there is a daemon and no client", () => {
    expect(wayTo(absent, bookworm, true)).toEqual({ install: true })
  })

  const fixes: [string, DockerState, Partial<Machine>, boolean, string][] = [
    ["a Mac", absent, { platform: "darwin", root: false }, false, "Docker Desktop, OrbStack or Colima"],
    ["Windows", absent, { platform: "win32", root: false }, false, "inside WSL2"],
    ["WSL2 without root", absent, { wsl: true, root: false }, false, "WSL integration in Docker Desktop"],
    ["a plain user", absent, { root: false }, false, "sudo ./fairlead setup"],
    [
      "a plain user and a daemon that is down",
      silent(),
      { root: false, systemd: true },
      true,
      "sudo systemctl start docker",
    ],
    [
      "a plain user outside of the group",
      silent({ why: "permission denied while trying to connect" }),
      { root: false },
      true,
      "usermod -aG docker",
    ],
    ["root in a plain container", absent, { capable: false }, false, "--privileged"],
    ["another distribution", absent, { os: readOsRelease("ID=fedora\nPRETTY_NAME=Fedora\n") }, false, "this is Fedora"],
    ["Podman behind the name of docker", silent({ endpoint: "podman" }), {}, false, "beside Podman"],
    ["a Docker elsewhere", silent({ endpoint: "tcp://10.0.0.1:2375" }), {}, true, "points to tcp://10.0.0.1:2375"],
  ]
  it.each(fixes)("is told to a person on %s", (_, state, machine, hasDaemon, words) => {
    expect(wayTo(state, { ...bookworm, ...machine }, hasDaemon)).toMatchObject({ fix: expect.stringContaining(words) })
  })
})

describe("a daemon that does not start", () => {
  it("is understood by its own last words", () => {
    expect(
      fixFor("failed to create NAT chain DOCKER: iptables failed: Permission denied (you must be root)"),
    ).toContain("--privileged")
    expect(fixFor("Devices cgroup isn't mounted")).toContain("control groups")
    expect(fixFor("mount: operation not permitted")).toContain("namespaces")
    expect(fixFor("write /var/lib/docker/tmp: no space left on device")).toContain("make room")
    expect(fixFor("unable to configure the Docker daemon with file /etc/docker/daemon.json")).toContain(
      "mend what the last lines name",
    )
  })

  it("needs control groups of either version", () => {
    expect(hasCgroups("proc /proc proc rw 0 0\ncgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n")).toBe(true)
    expect(hasCgroups("tmpfs /sys/fs/cgroup tmpfs rw 0 0\ncgroup /sys/fs/cgroup/cpu cgroup rw,cpu 0 0\n")).toBe(true)
    expect(hasCgroups("proc /proc proc rw 0 0\ntmpfs /sys/fs/cgroup tmpfs rw 0 0\n")).toBe(false)
  })
})
