import { statfs } from "node:fs/promises"
import { dirname } from "node:path"
import { Problem } from "../../dagger/lib/problem.ts"
import { bytes } from "../../dagger/lib/report/text.ts"
import { home } from "../state.ts"
import { dockerServer } from "./docker.ts"

export interface FreeSpace {
  path: string
  freeBytes: number
  totalBytes: number
}

/** What a plain user may still write where `path` is or will be. */
export async function freeSpace(path: string): Promise<FreeSpace> {
  try {
    const { bavail, blocks, bsize } = await statfs(path)
    return { path, freeBytes: bavail * bsize, totalBytes: blocks * bsize }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT" || path === dirname(path)) throw error
    return freeSpace(dirname(path))
  }
}

export interface NeededSpace {
  path: string
  bytes: number
  /** Who needs it: "a build". */
  what: string
}

/** A disk that fills up during a build takes more down than the build. */
export async function requireFreeSpace({ path, bytes: needed, what }: NeededSpace): Promise<void> {
  const { freeBytes, totalBytes } = await freeSpace(path)
  if (freeBytes >= needed) return
  throw new Problem(`${bytes(freeBytes)} of ${bytes(totalBytes)} are free, and ${what} wants ${bytes(needed)} left`, {
    where: path,
    fix: "make room (`fairlead prune`, `docker system df` shows who takes what), or lower policy.cache.keepFree in fleet.yaml",
  })
}

/** Where the container engine keeps its data, if that is a folder of this machine; else the state folder. */
export async function engineRoot(): Promise<string> {
  const server = await dockerServer()
  return server?.local ? server.rootDir : home()
}
