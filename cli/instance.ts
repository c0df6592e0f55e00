/**
 * Docker's name for what Fairlead keeps there: "fairlead-registry". FAIRLEAD_INSTANCE=NAME keeps another network, registry and
 * build cache beside the first, so that a measurement finds them as it left them and touches nobody's. A name that Docker
 * cannot take is refused by Docker, in words.
 */
export function dockerName(...parts: string[]): string {
  const name = process.env.FAIRLEAD_INSTANCE
  return ["fairlead", ...(name ? ["instance", name] : []), ...parts].join("-")
}
