import { existsSync, mkdtempSync } from "node:fs"
import { stat } from "node:fs/promises"
import { tmpdir } from "node:os"
import { isAbsolute, join, resolve } from "node:path"
import { DockerEngine } from "../../cli/docker.ts"
import { findDagger } from "../../cli/setup/engine.ts"
import { saveToolbox } from "../../cli/setup/toolbox.ts"
import { fairleadRoot } from "../../cli/version.ts"
import type { Engine, Secret } from "../../dagger/lib/engine/engine.ts"
import { toolboxImage } from "../../dagger/lib/engine/toolbox.ts"

/** An engine that answers here, opened for a test file; `close` ends what it started. */
export interface Opened {
  engine: Engine
  secret(name: string, text: string): Secret
  close(): Promise<void>
}

export const openDocker = async (): Promise<Opened> => {
  const engine = new DockerEngine({
    root: fairleadRoot,
    work: mkdtempSync(join(tmpdir(), "conformance-")),
    toolbox: toolboxImage,
  })
  return { engine, secret: (name, text) => engine.secret(name, text), close: () => engine.close() }
}

/** Why no case runs on Dagger here; undefined when an engine answers. */
export async function daggerMissing(): Promise<string | undefined> {
  const found = await findDagger()
  return found.answers ? undefined : found.detail
}

export async function openDagger(): Promise<Opened> {
  const { connect } = await import("@dagger.io/dagger")
  const { DaggerEngine } = await import("../../dagger/lib/engine/dagger.ts")
  const { cli } = await findDagger()
  process.env._EXPERIMENTAL_DAGGER_CLI_BIN ??= cli
  return new Promise((opened, failed) => {
    const session = connect(async (client) => {
      const engine = new DaggerEngine({
        dag: client,
        toolbox: async (part) => client.container().import_(client.host().file(await saveToolbox(part))),
        local: async (path) => {
          const full = isAbsolute(path) ? path : resolve(fairleadRoot, path)
          return (await stat(full)).isDirectory() ? client.host().directory(full) : client.host().file(full)
        },
        callerPort: (port) => client.host().service([{ frontend: port, backend: port }], { host: "localhost" }),
      })
      await new Promise<void>((ended) => {
        const close = async () => {
          await engine.close()
          ended()
          await session.catch(() => {})
        }
        opened({ engine, secret: (name, text) => engine.secret(name, client.setSecret(name, text)), close })
      })
    })
    session.catch(failed)
  })
}

/** The machine's CA bundle, which builds behind a TLS-intercepting proxy need. */
export const caPath = ["/etc/ssl/certs/ca-certificates.crt"].find((path) => existsSync(path))
