import { failed, few, type HostCheck, ok, unknown } from "./check.ts"

/** What the host would go back to is still there: the images that its containers of this fleet were made from. */
export const rollback: HostCheck = {
  name: "rollback",
  judge({ docker }, { host }) {
    if ("error" in docker) return unknown("Docker could not be asked what runs")
    const { back } = docker
    if (back.length === 0) return ok("none yet: nothing of this fleet was ever deployed there")
    const gone = back.filter(({ present }) => !present).map(({ service }) => service)
    if (gone.length === 0) return ok(`the images of all ${back.length} containers are there`)
    return failed(
      `the image that ${few(gone)} ${gone.length > 1 ? "run" : "runs"} is not there any more`,
      `pull it on ${host.name} by its digest before anything is deployed, or there is no way back`,
    )
  },
}
