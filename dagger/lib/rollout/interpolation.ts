/** Text in which compose sees no variable: it reads "$" as the beginning of one, and "$$" as "$". */
export const literal = (text: string): string => text.replaceAll("$", "$$$$")

/** "${NAME:-otherwise}": what the person at the keyboard says, else what fleet.yaml says. */
export function variable(name: string, otherwise: string): string {
  if (/[$}]/.test(otherwise)) throw new TypeError(`${otherwise} cannot stand in a compose variable`)
  return `\${${name}:-${otherwise}}`
}
