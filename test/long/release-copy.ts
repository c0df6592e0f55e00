import { cp } from "node:fs/promises"
import { registryAddress } from "../../cli/setup/registry.ts"
import { inHome } from "../../cli/state.ts"

const types = ["application/vnd.oci.image.manifest.v1+json", "application/vnd.oci.image.index.v1+json"]

interface Manifest {
  mediaType: string
  config?: { digest: string }
  layers?: { digest: string }[]
  manifests?: { digest: string }[]
}

const base = (org: string, image: string) => `http://${registryAddress()}/v2/${org}/${image}`

/** A manifest of the embedded registry as it answers it; none where there is none. */
export async function manifestIn(
  org: string,
  image: string,
  name: string,
): Promise<{ text: string; type: string; digest: string } | undefined> {
  const answer = await fetch(`${base(org, image)}/manifests/${name}`, {
    headers: { accept: types.join(", ") },
    signal: AbortSignal.timeout(60_000),
  })
  if (!answer.ok) return undefined
  const { headers } = answer
  return {
    text: await answer.text(),
    type: headers.get("content-type")!,
    digest: headers.get("docker-content-digest")!,
  }
}

export async function putManifest(
  org: string,
  image: string,
  name: string,
  { text, type }: { text: string; type: string },
): Promise<string> {
  const answer = await fetch(`${base(org, image)}/manifests/${name}`, {
    method: "PUT",
    headers: { "content-type": type },
    body: text,
    signal: AbortSignal.timeout(60_000),
  })
  if (answer.status !== 201) throw new Error(`${image}:${name}: ${answer.status} ${await answer.text()}`)
  return answer.headers.get("docker-content-digest")!
}

export async function removeManifest(org: string, image: string, digest: string): Promise<number> {
  return (await fetch(`${base(org, image)}/manifests/${digest}`, { method: "DELETE" })).status
}

/**
 * What is released now in an organisation, in another one, with all that is attached to it and what is recorded here:
 * nothing is built or sent, and releases before it are not there.
 */
export async function releasesCopied(what: { from: string; to: string; images: readonly string[] }): Promise<void> {
  const { from, to, images } = what
  const copied = async (image: string, name: string): Promise<void> => {
    const found = (await manifestIn(from, image, name))!
    const { config, layers = [], manifests = [] } = JSON.parse(found.text) as Manifest
    for (const { digest } of manifests) await copied(image, digest)
    for (const { digest } of [...(config ? [config] : []), ...layers])
      await fetch(`${base(to, image)}/blobs/uploads/?mount=${digest}&from=${from}/${image}`, { method: "POST" })
    await putManifest(to, image, name, found)
  }
  const records = (org: string) => inHome("records", registryAddress().replaceAll(":", "_"), org)
  for (const image of images) {
    const list = (await (await fetch(`${base(from, image)}/tags/list`)).json()) as { tags: string[] }
    const current = (await manifestIn(from, image, "current"))!.digest
    for (const tag of list.tags) {
      const attached = tag.startsWith(current.replace(":", "-"))
      if (attached || (await manifestIn(from, image, tag))?.digest === current) await copied(image, tag)
    }
    await cp(`${records(from)}/${image}`, `${records(to)}/${image}`, { recursive: true })
  }
}
