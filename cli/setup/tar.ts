import { Transform } from "node:stream"

const blockSize = 512

/**
 * A tar archive without what one release of GNU tar puts into headers and another does not: the names of owners, and
 * device numbers of what is no device (1.34 writes zeros as digits, 1.35 leaves them out). Contents pass as they are.
 */
export function settledTar(): Transform {
  let kept: Buffer = Buffer.alloc(0)
  let contentLeft = 0
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      kept = kept.length > 0 ? Buffer.concat([kept, chunk]) : chunk
      while (kept.length > 0) {
        if (contentLeft === 0) {
          if (kept.length < blockSize) break
          const header = settledHeader(kept.subarray(0, blockSize))
          contentLeft = Math.ceil(sizeIn(header) / blockSize) * blockSize
          this.push(header)
          kept = kept.subarray(blockSize)
        } else {
          const content = kept.subarray(0, contentLeft)
          contentLeft -= content.length
          this.push(content)
          kept = kept.subarray(content.length)
        }
      }
      done()
    },
    flush(done) {
      done(contentLeft > 0 || kept.length > 0 ? new Error("the tar archive ends in the middle of a file") : null)
    },
  })
}

/** Blocks of zeros end an archive; they stay what they are. Source: POSIX, pax, "ustar Interchange Format". */
function settledHeader(block: Buffer): Buffer {
  const header = Buffer.from(block)
  if (header[0] === 0) return header
  header.fill(0, 265, isDevice(header) ? 329 : 345)
  header.fill(" ", 148, 156)
  const sum = header.reduce((total, byte) => total + byte, 0)
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1")
  return header
}

const isDevice = (header: Buffer): boolean => ["3", "4"].includes(header.toString("latin1", 156, 157))

const sizeIn = (header: Buffer): number => Number.parseInt(header.toString("latin1", 124, 135), 8) || 0
