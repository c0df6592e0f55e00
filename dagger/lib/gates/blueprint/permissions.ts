import { venv } from "../inside.ts"
import { anyOf, type Fact, installs, named, noneOf, ofFiles, run, type Wanted } from "./fact.ts"

/** Who may do what inside: accounts, file modes, secrets. */
export const permissionFacts = ({ image, allow, origin, family }: Wanted): Fact[] => [
  ofFiles("account", `knows ${image.user} as a user of its own`, ({ accounts }) => {
    const [uid, gid] = image.user.split(":").map(Number)
    const found = accounts.filter((each) => each.uid === uid)
    return {
      evidence: found.map((each) => `${each.name} ${each.uid}:${each.gid}`).join(", ") || "not in /etc/passwd",
      wrong:
        found.length === 1 && found[0]!.gid === gid
          ? undefined
          : {
              what:
                found.length === 0
                  ? `/etc/passwd has no user ${uid}`
                  : `/etc/passwd has ${found.map((each) => `${each.name} ${each.uid}:${each.gid}`).join(" and ")}`,
              where: run(origin, /useradd|adduser|passwd/),
              fix: `useradd --uid ${uid} --gid ${gid} in the root family`,
            },
    }
  }),
  ofFiles("passwords", "has no account with a password, and only one root", ({ accounts }) => {
    const open = accounts
      .filter(({ password }) => password !== "locked")
      .map(({ name, password }) => `${name} (password ${password})`)
    const roots = accounts.filter(({ uid, name }) => uid === 0 && name !== "root").map(({ name }) => `${name} (uid 0)`)
    return noneOf([...open, ...roots], () => ({
      what: `someone can log in: ${named([...open, ...roots])}`,
      where: run(origin, /useradd|adduser|passwd/),
      fix: "lock it with usermod --lock, or remove it",
    }))
  }),
  ofFiles("setuid", "has no setuid or setgid file", ({ setuid }) => {
    const found = setuid.filter(({ path }) => !allow.setuid.includes(path))
    return {
      ...noneOf(
        found.map(({ path, mode }) => `${path} ${mode}`),
        () => ({
          what: `image has ${named(found.map(({ path, mode }) => `${path} (${mode})`))}`,
          where: run(origin, /-perm|chmod/),
          fix: `chmod u-s,g-s in the step that installs it, or add the path to families.${family.name}.allow.setuid`,
        }),
      ),
      ...(found.length === 0 && setuid.length > 0
        ? { evidence: `allowed: ${setuid.map(({ path }) => path).join(", ")}` }
        : {}),
    }
  }),
  ofFiles("capabilities", "has no file with capabilities", ({ capabilities }) =>
    noneOf(capabilities, () => ({
      what: `image has ${named(capabilities)} with capabilities`,
      where: run(origin, anyOf(["setcap", ...capabilities.map((path) => path.split("/").at(-1)!)])),
      fix: "setcap -r in the step that installs it",
    })),
  ),
  ofFiles("world-writable", "has nothing that everyone can change", ({ writable: { folders, files } }) =>
    noneOf([...folders.examples, ...files.examples], () => ({
      what: `everyone can write to ${named([...folders.examples, ...files.examples], folders.count + files.count)}`,
      where: folders.examples.concat(files.examples)[0]?.startsWith(venv)
        ? run(origin, installs)
        : run(origin, /chmod|umask/),
      fix: "chmod o-w; services write to /tmp and to their volumes only",
    })),
  ),
  ofFiles("secrets", "has no private key and no credentials", ({ secrets }) =>
    noneOf(
      secrets.map(({ path, why }) => `${path} (${why})`),
      () => ({
        what: `left in the image: ${named(secrets.map(({ path, why }) => `${path} (${why})`))}`,
        where: origin.set("COPY", namesOf(secrets)) ?? origin.set("RUN", namesOf(secrets)) ?? origin.file(),
        fix: "use --mount=type=secret, and renew what was left",
      }),
    ),
  ),
  ofFiles(
    "certificates",
    "trusts Debian's CA certificates and no others",
    ({ certificates: { bundle, packaged, local } }) => {
      const wrong = !bundle
        ? "there are no CA certificates, so no TLS connection can be checked"
        : local.length > 0
          ? `image trusts ${named(local)}`
          : bundle > packaged
            ? `image trusts ${bundle} certificates and Debian has ${packaged}: a bundle of the machine that built it was left in it`
            : undefined
      return {
        evidence: `${bundle ?? 0} in the bundle, ${packaged} from Debian, ${local.length} added`,
        wrong:
          wrong === undefined
            ? undefined
            : {
                what: wrong,
                where: run(origin, /ca-certificates/),
                fix: "install ca-certificates, and hand an own CA to builds as the secret `ca` only",
              },
      }
    },
  ),
]

const namesOf = (files: readonly { path: string }[]): RegExp => anyOf(files.map(({ path }) => path.split("/").at(-1)!))
