import { failed, few, type HostCheck, ok, unknown } from "./check.ts"

/** A host whose services need sound has ALSA devices, or the PulseAudio socket of WSLg. */
export const audio: HostCheck = {
  name: "audio",
  judge({ sound, wsl }, { host, services }) {
    const needing = services.filter(({ needs }) => needs.includes("audio"))
    if (needing.length === 0) return undefined
    if (sound.length > 0)
      return ok(sound.map((kind) => (kind === "snd" ? "/dev/snd" : "/mnt/wslg/PulseServer")).join(", "))
    const missing = "neither /dev/snd nor /mnt/wslg/PulseServer is there"
    const real = needing.filter(({ standIn }) => !standIn).map(({ name }) => name)
    if (real.length === 0)
      return unknown(`${missing}; ${few(needing.map(({ name }) => name))} run a stand-in, without sound`)
    return failed(
      `${missing}, and ${few(real)} need sound`,
      wsl
        ? "update WSL (wsl --update) and leave guiApplications on: WSLg then puts its socket there"
        : `on ${host.name}: load the sound card's module (sudo modprobe snd_…), or move the services in fleet.yaml`,
    )
  },
}
