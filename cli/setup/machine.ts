import { existsSync } from "node:fs"
import { readFile } from "node:fs/promises"
import { release } from "node:os"

/** What set-up has to know of the machine it runs on. */
export interface Machine {
  platform: NodeJS.Platform
  /** Linux inside Windows. */
  wsl: boolean
  root: boolean
  /** May mount and change networks, as dockerd must; root in a plain container may not. */
  capable: boolean
  /** systemd is what runs here, and not only installed. */
  systemd: boolean
  os: OsRelease
}

/** /etc/os-release, as far as it matters. */
export interface OsRelease {
  /** "debian", "ubuntu", "fedora"; empty where nothing says. */
  id: string
  /** 12 or 24.04; Infinity for a testing or unstable suite, which has none. */
  version: number
  /** "bookworm". */
  codename: string
  /** For people: "Debian GNU/Linux 12 (bookworm)". */
  pretty: string
}

export async function thisMachine(): Promise<Machine> {
  const osRelease = await readFile("/etc/os-release", "utf8").catch(() => "")
  const status = await readFile("/proc/self/status", "utf8").catch(() => "")
  return {
    platform: process.platform,
    wsl: /microsoft/i.test(release()),
    root: process.getuid?.() === 0,
    capable: isCapable(status),
    // The test of sd_booted(3).
    systemd: existsSync("/run/systemd/system"),
    os: readOsRelease(osRelease),
  }
}

// capabilities(7): CAP_NET_ADMIN is 12, CAP_SYS_ADMIN is 21.
const needed = (1n << 12n) | (1n << 21n)

export function isCapable(status: string): boolean {
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? "0"}`)
  return (effective & needed) === needed
}

export function readOsRelease(text: string): OsRelease {
  const fields = new Map<string, string>()
  for (const line of text.split("\n")) {
    const [, key, value] = /^([A-Z_]+)=(.*)$/.exec(line) ?? []
    if (key) fields.set(key, value!.trim().replace(/^(["'])(.*)\1$/, "$2"))
  }
  const id = fields.get("ID") ?? ""
  return {
    id,
    version: Number(fields.get("VERSION_ID") ?? "Infinity"),
    codename: fields.get("VERSION_CODENAME") ?? "",
    pretty: fields.get("PRETTY_NAME") ?? (id || "this system"),
  }
}

/** Debian or Ubuntu, and new enough to have what Fairlead installs. */
export const hasApt = ({ platform, os }: Machine): boolean =>
  platform === "linux" && ((os.id === "debian" && os.version >= 12) || (os.id === "ubuntu" && os.version >= 22.04))
