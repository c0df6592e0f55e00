import { generateKeyPairSync, randomBytes } from "node:crypto"

/** An ed25519 key pair as OpenSSH's files have it. */
export interface SshKey {
  /** The whole private file, without a passphrase. */
  private: string
  /** "ssh-ed25519 AAAA…", without a comment. */
  public: string
}

/** Made here, since this machine may have no ssh-keygen, and OpenSSH before 9.6 reads no ed25519 key in PKCS #8. */
export function sshKey(): SshKey {
  const { d, x } = generateKeyPairSync("ed25519").privateKey.export({ format: "jwk" })
  return written(Buffer.from(d!, "base64url"), Buffer.from(x!, "base64url"))
}

const kind = "ssh-ed25519"

/** Source: PROTOCOL.key of OpenSSH; check numbers that are equal, and padding of 1, 2, 3 … to 8 bytes. */
function written(seed: Buffer, publicKey: Buffer): SshKey {
  const blob = strings(kind, publicKey)
  const check = randomBytes(4)
  const secret = Buffer.concat([check, check, strings(kind, publicKey, Buffer.concat([seed, publicKey]), "")])
  const padding = Buffer.from(Array.from({ length: (8 - (secret.length % 8)) % 8 }, (_, index) => index + 1))
  const file = Buffer.concat([
    Buffer.from("openssh-key-v1\0"),
    strings("none", "none", ""),
    number(1),
    strings(blob, Buffer.concat([secret, padding])),
  ])
  const lines = file.toString("base64").match(/.{1,70}/g)!
  return {
    private: ["-----BEGIN OPENSSH PRIVATE KEY-----", ...lines, "-----END OPENSSH PRIVATE KEY-----", ""].join("\n"),
    public: `${kind} ${blob.toString("base64")}`,
  }
}

const strings = (...values: (string | Buffer)[]): Buffer =>
  Buffer.concat(values.flatMap((value) => [number(Buffer.byteLength(value)), Buffer.from(value)]))

function number(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}
