// Sigstore's packages are loaded when somebody signs or opens without a key: whoever works with keys does not pay for them.

export const loadSign = async () => exportsOf(await import("@sigstore/sign"))
export const loadVerify = async () => exportsOf(await import("@sigstore/verify"))
export const loadBundle = async () => exportsOf(await import("@sigstore/bundle"))
export const loadTuf = async () => exportsOf(await import("@sigstore/tuf"))
export const loadSpecs = async () => exportsOf(await import("@sigstore/protobuf-specs"))

/** They are CommonJS: esbuild's chunks have their exports as the default, tsx has them as names alone, Node as both. */
const exportsOf = <Exports>(loaded: { default?: Exports }): Exports => loaded.default ?? (loaded as Exports)
