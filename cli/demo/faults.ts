import { bytes } from "../../dagger/lib/fleet/bytes.ts"
import type { Fleet } from "../../dagger/lib/fleet/fleet.ts"
import { wrongInput } from "../../dagger/lib/problem.ts"
import { must } from "../setup/command.ts"
import { hostNames, inDocker, receiverName } from "./docker.ts"
import { gpuOf } from "./gpu.ts"
import { connected, inHost } from "./host.ts"
import { hostJson, identityFolder, written } from "./keys.ts"
import { demoYard } from "./yard.ts"

interface Fault {
  /** For people: what is broken. */
  says: string
  /** What the value may be, and what is taken where none is given. */
  value?: { pattern: RegExp; right: string; otherwise: string }
  make(at: { fleet: Fleet; host: string; value: string }): Promise<unknown>
}

const breaks =
  (what: string) =>
  async ({ host, value }: { host: string; value: string }) =>
    must(`${host} could not be broken`, [...inHost(host), "fairlead-demo-break", what, value])

const docker =
  (...argv: string[]) =>
  ({ host }: { host: string }) =>
    must(`${host} could not be broken`, ["docker", ...argv, inDocker(host)])

/** What can be broken on a host; `mend` undoes all of it. */
export const hostFaults: Record<string, Fault> = {
  network: {
    says: "packets from and to it are lost, as with a pulled cable: connections hang",
    make: ({ host }) =>
      must(`${host} could not be cut off`, ["docker", "network", "disconnect", inDocker(), inDocker(host)]),
  },
  ssh: { says: "sshd is killed with its sessions; Docker goes on", make: breaks("ssh") },
  sessions: { says: "SSH sessions that are open are killed; new ones are taken", make: breaks("sessions") },
  key: { says: "it shows another host key", make: breaks("key") },
  clock: {
    says: "what is run over SSH sees another time, VALUE seconds off (not programs in Go, which ask the kernel)",
    value: { pattern: /^[+-]\d{1,9}$/, right: "seconds with a sign, such as +86400", otherwise: "+86400" },
    make: breaks("clock"),
  },
  disk: {
    says: "its own disk is full but for VALUE bytes (`demo up --disk` gives it one)",
    value: { pattern: /^\d{1,12}$/, right: "a number of bytes", otherwise: "1000000" },
    make: async (at) => {
      if ((await demoYard())?.disk) return breaks("disk")(at)
      throw wrongInput(`${at.host} has no disk of its own, and this machine's is not filled`, {
        fix: "fairlead demo down, then fairlead demo up --disk 4GB",
      })
    },
  },
  driver: {
    says: "its nvidia-smi answers driver VALUE",
    value: { pattern: /^\d{1,4}(?:\.\d{1,4}){0,2}$/, right: "a version such as 525.60", otherwise: "525.60" },
    make: async ({ fleet, host, value }) => {
      if (!gpuOf(fleet, host)) throw wrongInput(`${host} has no GPU in fleet.yaml`)
      await written(`${identityFolder(host)}/host.json`, hostJson(fleet, host, value))
      await breaks("driver")({ host, value })
    },
  },
  docker: { says: "its dockerd is killed; it is started again after a second", make: breaks("docker") },
  freeze: { says: "everything on it stands still", make: docker("pause") },
  power: { says: "it is switched off without warning", make: docker("kill") },
}

const mode =
  (...words: string[]) =>
  ({ value }: { value: string }) =>
    must("the receiver could not be told", [...inHost(receiverName), "fairlead-demo-receiver", "mode", ...words, value])

const number = (right: string, otherwise: string) => ({ pattern: /^\d{1,4}$/, right, otherwise })

/** What can be wrong with the receiver. */
export const receiverFaults: Record<string, Fault> = {
  down: { says: "nothing listens any more", make: docker("kill") },
  slow: { says: "takes VALUE seconds to answer", value: number("a number of seconds", "30"), make: mode("slow") },
  error: { says: "answers status VALUE", value: number("an HTTP status", "500"), make: mode("error") },
}

/** Breaks something of the yard, to see what a verb makes of it. */
export async function breakDemo(fleet: Fleet, host: string, name: string, given?: string): Promise<void> {
  const faults = faultsOf(fleet, host)
  const fault = Object.hasOwn(faults, name) ? faults[name] : undefined
  if (!fault) {
    throw wrongInput(`${JSON.stringify(name)} is nothing that can be broken on ${host}`, {
      fix: `one of ${Object.keys(faults).join(", ")}`,
    })
  }
  await fault.make({ fleet, host, value: valueFor(name, fault, given) })
}

const faultsOf = (fleet: Fleet, host: string): Record<string, Fault> => {
  if (host === receiverName) return receiverFaults
  if (hostNames(fleet).includes(host)) return hostFaults
  throw wrongInput(`the demo yard has no ${JSON.stringify(host)}`, {
    fix: `one of ${[...hostNames(fleet), receiverName].join(", ")}`,
  })
}

function valueFor(name: string, { value }: Fault, given?: string): string {
  if (!value) {
    if (given === undefined) return ""
    throw wrongInput(`${name} takes no value`)
  }
  const text = given ?? value.otherwise
  const plain = name === "disk" && !/^\d+$/.test(text) ? String(bytes(text)) : text
  if (value.pattern.test(plain)) return plain
  throw wrongInput(`${JSON.stringify(text)} is not ${value.right}`)
}

/** Undoes every fault of a host, or of the receiver; what is well stays as it is. */
export async function mendDemo(fleet: Fleet, host: string): Promise<void> {
  faultsOf(fleet, host)
  const what = `${host} could not be mended`
  const container = inDocker(host)
  const { stdout } = await must(what, ["docker", "inspect", "--format", "{{.State.Paused}}", container], {
    fix: "fairlead demo up",
  })
  if (stdout.trim() === "true") await must(what, ["docker", "unpause", container])
  await must(what, ["docker", "start", container])
  if (host === receiverName) return void (await mode("ok")({ value: "0" }))
  await connected(fleet, host)
  await written(`${identityFolder(host)}/host.json`, hostJson(fleet, host))
  await must(what, [...inHost(host), "fairlead-demo-break", "mend"])
}
