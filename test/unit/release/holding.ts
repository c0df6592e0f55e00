import { attached } from "../../../dagger/lib/attest/artifact.ts"
import { tagOf } from "../../../dagger/lib/attest/referrers.ts"
import { recordStatement, recordType } from "../../../dagger/lib/attest/statement.ts"
import type { ImageRecord } from "../../../dagger/lib/release/record.ts"
import type { Registry } from "../../../dagger/lib/release/registry.ts"
import { bundleBy, newPair } from "../attest/keys.ts"

const indexType = "application/vnd.oci.image.index.v1+json"
export const digest = `sha256:${"a".repeat(64)}`
export const pair = newPair()

/** A registry with one image and its record, signed with `pair` or as `signed`; the conformance suite asks real ones. */
export function holding(record: ImageRecord, host: string, signed?: string): Registry {
  const statement = recordStatement(record)
  const about = { image: { digest, size: 1 }, type: recordType, statement, created: record.at }
  const { manifest, bundle, descriptor } = attached(signed ?? bundleBy(pair, statement), about)
  const manifests: Record<string, string> = {
    [tagOf(digest)]: JSON.stringify({ schemaVersion: 2, mediaType: indexType, manifests: [descriptor] }),
    [descriptor.digest]: manifest,
  }
  return {
    address: { host, org: "small" },
    manifest: async (_family: string, name: string) => manifests[name],
    ...{ step: () => ({}), tls: () => [], refByDigest: () => "" },
    engine: {
      run: async () => ({ exitCode: 0, stdout: "", stderr: "", seconds: 0, outputs: { bundle: {} } }),
      read: async () => bundle,
    },
  } as unknown as Registry
}
