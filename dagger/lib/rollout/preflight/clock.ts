import { failed, type HostCheck, ok } from "./check.ts"

const mostSeconds = 30

/** The host's clock and this machine's agree; what the round trip leaves open counts for the host. */
export const clock: HostCheck = {
  name: "clock",
  judge({ clock: { leastSeconds, mostSeconds: most } }, { host }) {
    const off = leastSeconds > 0 ? leastSeconds : most < 0 ? most : 0
    if (Math.abs(off) <= mostSeconds) return ok(off === 0 ? "as here" : `${signed(off)} s`)
    return failed(
      `${signed(off)} s against this machine, at most ${mostSeconds} s are allowed`,
      `on ${host.name}: sudo timedatectl set-ntp true; or mend this machine's clock, if that is the wrong one`,
    )
  },
}

const signed = (seconds: number): string =>
  `${seconds > 0 ? "+" : ""}${seconds.toFixed(Math.abs(seconds) < 10 ? 1 : 0)}`
