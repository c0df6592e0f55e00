/** Why a bundle does not count. */
export class Untrusted extends Error {
  override readonly name = "Untrusted"
}
