import { existsSync } from "node:fs"

/** The machine's own CA bundle: where it holds a proxy's certificate, builds need it too. */
export const caBundle = (): string | undefined =>
  [process.env.SSL_CERT_FILE, process.env.NODE_EXTRA_CA_CERTS, "/etc/ssl/certs/ca-certificates.crt"].find(
    (path) => path && existsSync(path),
  )
