import type { RemoteBuilder } from "./builder.ts"

/** What went wrong with the builder itself, where a build failed that no Dockerfile is to blame for. */
export interface BuilderFailure {
  why: string
  fix: string
}

/**
 * Reads what bake said last. The words are those of gRPC (codes Unavailable and Canceled of a lost peer), of Go's TLS and of
 * the kernel.
 */
export function builderFailure(
  output: string,
  remote?: Pick<RemoteBuilder, "host" | "port">,
): BuilderFailure | undefined {
  if (remote) return remoteFailure(output, `tcp://${remote.host}:${remote.port}`)
  if (full.test(output))
    return {
      why: "the builder's disk, or a file system that the step writes to, is full",
      fix: "make room where Docker keeps its volumes (docker system df; ./fairlead prune), then run it again: what was built is kept",
    }
  if (lost.test(output) && !endedByItself.test(output))
    return {
      why: "the builder went away while it built",
      fix: "run it again: what was built before is kept, and a new builder starts by itself; if it goes away again, look for its end by memory in dmesg",
    }
  return undefined
}

function remoteFailure(output: string, address: string): BuilderFailure | undefined {
  if (/the builder runs BuildKit/.test(output))
    return {
      why: "another version would make other bytes of the same inputs",
      fix: "let it run that version, or leave --builder out",
    }
  if (full.test(output)) return { why: `the disk of ${address} is full`, fix: "make room there, then run it again" }
  if (endedByItself.test(output)) return undefined
  if (/waiting for connection[\s\S]*deadline exceeded/.test(output))
    return {
      why: `${address} does not answer, or only those who show a certificate`,
      fix: "look whether it runs and can be reached; --builder-tls names a folder with ca.pem, cert.pem and key.pem",
    }
  if (/tls:|certificate|handshake|server preface/i.test(output))
    return {
      why: `${address} and this machine do not trust each other`,
      fix: "give --builder-tls a folder with ca.pem, cert.pem and key.pem that belong to it; without TLS, leave it out",
    }
  if (lost.test(output))
    return {
      why: `${address} does not answer, or went away`,
      fix: "look whether it runs and can be reached, then run it again",
    }
  return undefined
}

const full = /no space left on device|disk quota exceeded/i

/** A step that did may have printed any of these words. */
const endedByItself = /did not complete successfully: exit code/

const lost =
  /error reading from server|closing transport|connection reset by peer|connection refused|code = Unavailable|use of closed network connection|unexpected EOF|no such host/i
