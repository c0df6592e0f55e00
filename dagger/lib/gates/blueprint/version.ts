/** As package indexes compare names. Source: PyPA specification "Names and normalization". */
export const normalName = (name: string): string => name.toLowerCase().replace(/[-_.]+/g, "-")

/**
 * Whether what is installed is what was pinned: 2.2.2+cu121 is 2.2.2 built for CUDA 12.1, unless the pin names a local
 * version itself. 2.2 and 2.2.0 are the same. Source: PyPA specification "Version specifiers".
 */
export const sameVersion = (pinned: string, installed: string): boolean => {
  const [public_, local] = split(pinned)
  const [installedPublic, installedLocal] = split(installed)
  return public_ === installedPublic && (local === "" || local === installedLocal)
}

const split = (version: string): [string, string] => {
  const [public_ = "", local = ""] = version.toLowerCase().trim().replace(/^v/, "").split("+")
  return [public_.replace(/^([0-9.]+?)(?:\.0)+(?=$|[a-z.])/, "$1"), local.replace(/[-_]/g, ".")]
}
