import { atLeast, failed, few, type HostCheck, ok, unknown, type Wanted } from "./check.ts"

const onGpu = ({ services }: Wanted): string[] => services.filter(({ gpus }) => gpus > 0).map(({ name }) => name)

/** NVIDIA's driver is not older than fleet.yaml wants it for GPU services (risk R1). */
export const driver: HostCheck = {
  name: "driver",
  judge({ gpus, demo, wsl }, wanted) {
    const services = onGpu(wanted)
    if (services.length === 0) return undefined
    const { name, gpu } = wanted.host
    if (!gpu)
      return failed(
        `fleet.yaml gives ${name} no gpu, and ${few(services)} take one`,
        `add hosts.${name}.gpu to fleet.yaml`,
      )
    const install = wsl
      ? `install NVIDIA's driver ${gpu.driver} or newer in Windows`
      : `install NVIDIA's driver ${gpu.driver} or newer on ${name}`
    if ("error" in gpus) return failed(`${gpus.error}; ${services.length} services take a GPU`, install)
    const told = [...new Set(gpus.map((each) => `${each.driver} (${each.name})`))].join(", ")
    const seen = [told, demo && "a stand-in: there is no GPU", wsl && "Windows' driver, as WSL2 shows it"]
      .filter(Boolean)
      .join("; ")
    const old = gpus.some((each) => !atLeast(each.driver, String(gpu.driver)))
    return old ? failed(`${seen}: older than ${gpu.driver}`, install) : ok(seen)
  },
}

/**
 * Whether a container there can use the GPU: a call to the driver in one tells, which nvidia-smi on the host does not. On
 * WSL2 that shows Windows' driver.
 */
export const cuda: HostCheck = {
  name: "cuda",
  judge({ demo, toolkit, cuda: answered }, wanted) {
    if (onGpu(wanted).length === 0) return undefined
    if (demo) return unknown("not tried: the demo yard has no GPU, its services are stand-ins on a CPU")
    const { name } = wanted.host
    const kit = toolkit ? `${toolkit} is there` : "NVIDIA's container toolkit was not found"
    if (!answered)
      return unknown(
        `not tried: no image of ${wanted.fleet} is on ${name} to try it with; ${kit}`,
        `fairlead preflight --host ${name}, once something was deployed there`,
      )
    if ("gpus" in answered) return ok(`a container there uses ${answered.gpus}`)
    return failed(
      `a container there cannot use the GPU: ${answered.error}; ${kit}`,
      `on ${name}: install nvidia-container-toolkit, then sudo nvidia-ctk runtime configure --runtime=docker && sudo systemctl restart docker`,
    )
  },
}
