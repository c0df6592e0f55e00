/** How services that need audio get it on a host. Devices that are not there keep a container from starting. */
export type Audio = "none" | "snd" | "pulse"

/** Kinds that a host may have: ALSA devices, or the PulseAudio socket that WSLg puts there. */
export const audioKinds = ["snd", "pulse"] as const satisfies readonly Audio[]

const wslg = "/mnt/wslg/PulseServer"

/** What a compose service gets besides. Source of the socket's path: github.com/microsoft/wslg, README. */
export function audioParts(audio: Audio): Record<string, unknown> {
  if (audio === "snd") return { devices: ["/dev/snd:/dev/snd"], group_add: ["${AUDIO_GID:-29}"] }
  if (audio === "pulse") {
    return {
      environment: { PULSE_SERVER: `unix:${wslg}` },
      volumes: [{ type: "bind", source: wslg, target: wslg, read_only: true, bind: { create_host_path: false } }],
    }
  }
  return {}
}
