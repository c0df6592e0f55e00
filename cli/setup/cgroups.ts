import { readFile } from "node:fs/promises"
import { Problem } from "../../dagger/lib/problem.ts"
import { must } from "./command.ts"
import { remember } from "./made.ts"

/** Version 1, version 2 and both at once are fine for Docker; none at all (a bare virtual machine, a chroot) is not. */
export const hasCgroups = (mounts: string): boolean =>
  mounts.split("\n").some((line) => /^\S+ \S+ cgroup2? /.test(line))

export async function mountCgroups(say: (line: string) => void): Promise<void> {
  const mounts = await readFile("/proc/mounts", "utf8").catch(() => "")
  if (mounts === "") {
    throw new Problem("/proc is not mounted", { fix: "mount -t proc proc /proc" })
  }
  if (hasCgroups(mounts)) return
  const folder = "/sys/fs/cgroup"
  await must("control groups are not mounted, and could not be", ["mount", "-t", "cgroup2", "cgroup2", folder], {
    fix: "in a container: run it with --privileged; in a chroot: mount --rbind the host's /sys into it",
  })
  await remember({ mounts: [folder] })
  say(`mounted control groups at ${folder}; nothing had`)
}
