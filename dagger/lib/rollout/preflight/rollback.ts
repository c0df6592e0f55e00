import { shortImage } from "../host/names.ts"
import { failed, few, type HostCheck, ok, unknown } from "./check.ts"

/**
 * What the host would go back to is still there, or can be pulled again: the images that its containers of this fleet were
 * made from, those that were set aside among them, and what was good together after the last rollout.
 */
export const rollback: HostCheck = {
  name: "rollback",
  judge({ docker }, { host }) {
    if ("error" in docker) return unknown("Docker could not be asked what runs")
    const { back, deployed } = docker
    if (back.length + deployed.length === 0) return ok("none yet: nothing of this fleet was ever deployed there")
    const missing = [
      ...back.map((each) => ({ ...each, what: each.service })),
      ...deployed.map((each) => ({ ...each, what: shortImage(each.ref) })),
    ].filter(({ present }) => !present)
    const gone = [...new Set(missing.filter(({ pullable }) => pullable !== true).map(({ what }) => what))]
    const again = new Set(missing.filter(({ pullable }) => pullable === true).map(({ ref }) => ref))
    if (gone.length === 0)
      return ok(
        again.size > 0
          ? `${again.size} of their images are not there, and the registry has them still`
          : `the images of all ${back.length} containers are there`,
      )
    return failed(
      `the image of ${few(gone)} is not there any more, and nobody knows a registry that has it`,
      `pull it on ${host.name} by its digest before anything is deployed, or there is no way back; \`fairlead prune\` removes none of these`,
    )
  },
}
