/** What went wrong with the builder itself, where a build failed that no Dockerfile is to blame for. */
export interface BuilderFailure {
  why: string
  fix: string
}

/** Reads what bake said last. The words are those of gRPC (codes Unavailable and Canceled of a lost peer) and of the kernel. */
export function builderFailure(output: string): BuilderFailure | undefined {
  if (/no space left on device|disk quota exceeded/i.test(output))
    return {
      why: "the builder's disk, or a file system that the step writes to, is full",
      fix: "make room where Docker keeps its volumes (docker system df; ./fairlead prune), then run it again: what was built is kept",
    }
  // A step that ended by itself may have printed any of these words.
  if (lost.test(output) && !/did not complete successfully: exit code/.test(output))
    return {
      why: "the builder went away while it built",
      fix: "run it again: what was built before is kept, and a new builder starts by itself; if it goes away again, look for its end by memory in dmesg",
    }
  return undefined
}

const lost =
  /error reading from server|closing transport|connection reset by peer|connection refused|code = Unavailable|use of closed network connection|unexpected EOF|no such host/i
