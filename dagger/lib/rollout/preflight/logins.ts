import { failed, type HostCheck } from "./check.ts"

/** What a host was told to do goes on when the connection is lost: where systemd ends it, a cut cable leaves a service down. */
export const logins: HostCheck = {
  name: "logins",
  judge({ endsWithLogin, user }, { host }) {
    if (!endsWithLogin) return undefined
    return failed(
      `systemd ends what ${user} left running when the connection goes (KillUserProcesses=yes)`,
      `on ${host.name}, in /etc/systemd/logind.conf: KillExcludeUsers=root ${user}; then sudo systemctl restart systemd-logind`,
    )
  },
}
