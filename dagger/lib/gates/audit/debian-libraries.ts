import { readFileSync } from "node:fs"

/** A shared library, by the name that programs ask for, and the Debian package that has it. */
export interface DebianLibrary {
  library: string
  package: string
}

/**
 * The Debian package (bookworm, amd64) that has a library. Asked without a version, as `dlopen` and ctypes often do
 * ("libsndfile.so"), the newest answers; asked with a longer one than Debian lists, the shorter one does.
 */
export function debianLibrary(name: string): DebianLibrary | undefined {
  const known = libraries()
  const exact = known.get(name)
  if (exact) return { library: name, package: exact }
  for (let shorter = name; /\.so\..*\.[^.]+$/.test(shorter); ) {
    shorter = shorter.replace(/\.[^.]+$/, "")
    const found = known.get(shorter)
    if (found) return { library: shorter, package: found }
  }
  if (!name.endsWith(".so")) return undefined
  const [newest] = [...known.keys()]
    .filter((each) => each.toLowerCase().startsWith(`${name.toLowerCase()}.`))
    .sort((a, b) => b.localeCompare(a, "en", { numeric: true }))
  return newest === undefined ? undefined : { library: newest, package: known.get(newest)! }
}

let read: Map<string, string> | undefined

/** Made by sonames.py; read when the first library is missing. */
function libraries(): Map<string, string> {
  read ??= new Map(
    readFileSync(new URL("./debian-libraries.txt", import.meta.url), "utf8")
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith("#"))
      .map((line) => line.split(" ") as [string, string]),
  )
  return read
}
