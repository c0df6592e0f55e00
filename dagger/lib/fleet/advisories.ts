import { z } from "zod"
import { spelled } from "./names.ts"

/** A folder of OSV records: in the repository, or anywhere on the machine that runs Fairlead. */
export const advisoryFolderSchema = spelled({
  pattern: /^(?!-)[^\u0000-\u001f\u007f-\u009f\u2028\u2029]{1,1000}$/u,
  right: "a folder's path on one line, relative to the repository or absolute",
})

/** Source: as for images (github.com/distribution/reference), with a host that cannot be left out. */
export const databaseReferenceSchema = spelled({
  pattern:
    /^(?=[a-z0-9].{0,254}$)(?:localhost|[a-z0-9-]+(?:\.[a-z0-9-]+)+|[a-z0-9-]+(?=:))(?::[0-9]{1,5})?(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)+:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/,
  right: 'a database in a registry such as "registry.example/mirror/trivy-db:2": host, path and tag',
})

const serviceUrlSchema = spelled({
  pattern:
    /^(?:https:\/\/[A-Za-z0-9.-]+|http:\/\/(?:localhost|127(?:\.[0-9]{1,3}){3}))(?::[0-9]{1,5})?(?:\/[A-Za-z0-9._~-]+)*\/?$/,
  right: '"pypi", "osv" or the URL of an OSV service: https without a query, or http on the loopback',
})

/** policy.advisories.source, .database and .python: where this fleet's vulnerabilities are looked up. */
export const advisorySourceFields = {
  source: z
    .union([z.enum(["online", "none"]), z.strictObject({ folder: advisoryFolderSchema })])
    .optional()
    .describe(
      'Where vulnerabilities are looked up: "online" (default), "none" (nobody looks, on purpose), or a folder of OSV ' +
        "records. FAIRLEAD_ADVISORIES and --advisories go first.",
    ),
  database: databaseReferenceSchema
    .optional()
    .describe('Online: Trivy\'s database in a mirror, "host[:port]/path:tag". Default: where Trivy publishes it.'),
  python: z
    .union([z.enum(["pypi", "osv"]), serviceUrlSchema])
    .optional()
    .describe(
      'Online: what pip-audit asks: "pypi" (default), "osv", or the URL of a service that answers like api.osv.dev.',
    ),
}
