import { constants } from "node:fs"
import { open } from "node:fs/promises"
import { join } from "node:path"
import { wrongInput } from "../problem.ts"
import { maxBytes } from "./yaml.ts"

/** The text of a file that people write, at most one byte longer than readYaml allows; undefined where there is none. */
export async function readText(folder: string, fileName: string): Promise<string | undefined> {
  const bytes = await readSome(join(folder, fileName))
  if (!bytes) return undefined
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes)
  } catch {
    throw wrongInput("is not UTF-8 text", { where: fileName, fix: "save it as UTF-8" })
  }
}

/** At most one byte more than is allowed, so that a file that never ends is refused for its size. */
async function readSome(path: string): Promise<Buffer | undefined> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined
    throw wrongInput(`cannot be read: ${error.code ?? error.message}`, { where: path })
  })
  if (!file) return undefined
  try {
    if (!(await file.stat()).isFile()) throw wrongInput("is not a file", { where: path })
    const buffer = Buffer.alloc(maxBytes + 1)
    let length = 0
    for (;;) {
      const { bytesRead } = await file.read(buffer, length, buffer.length - length)
      length += bytesRead
      if (bytesRead === 0 || length === buffer.length) return buffer.subarray(0, length)
    }
  } finally {
    await file.close()
  }
}
