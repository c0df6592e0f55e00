# ---- look: everything that a deployer wants to know, in one answer; changes nothing

# What others may have written into a label cannot end a line or a field: it is shown as in a URL.
look_format='container={{slice .Name 1}}|{{.State.Status}}|{{if .State.Health}}{{.State.Health.Status}}{{else}}-{{end}}|{{urlquery (index .Config.Labels "dev.fairlead.service")}}|{{urlquery (index .Config.Labels "dev.fairlead.run")}}|{{urlquery (index .Config.Labels "dev.fairlead.definition")}}|{{urlquery (index .Config.Labels "dev.fairlead.tag")}}|{{.State.ExitCode}}|{{.RestartCount}}|{{.State.StartedAt}}|{{.State.OOMKilled}}|{{urlquery .Config.Image}}'

cmd_look() {
  tick
  printf 'version=1\nboot=%s\nuptime=%s\n' "$boot" "$now"
  if [ -d "$S/lock" ]; then echo state=present; else echo state=absent; fi
  look_docker
  [ -d "$S/lock" ] && look_state
  echo end=1
}

look_docker() {
  if ! info=$(bounded 20 docker info --format '{{.ServerVersion}}|{{.DockerRootDir}}' 2>&1) || [ "${info#*|/}" = "$info" ]; then
    printf 'docker-error=%s\n' "$(last "$info")"
    return
  fi
  printf 'docker=%s\n' "$(clean "${info%%|*}")"
  docker_root=${info#*|}
  printf 'free=%s\n' "$(free_bytes)"
  all=$(bounded 30 docker ps --all --no-trunc --format '{{.ID}}|{{.Names}}|{{.Label "dev.fairlead.fleet"}}' 2>/dev/null | head -n 3000)
  ids=$(printf '%s\n' "$all" | awk -F'|' -v fleet="$fleet" '$3 == fleet && $1 ~ /^[0-9a-f]+$/ { print $1 }')
  printf '%s\n' "$all" | awk -F'|' -v fleet="$fleet" '$1 != "" && $3 != fleet { print "other=" $2 }'
  # shellcheck disable=SC2086 # numbers in hexadecimal, as was seen to
  [ -z "$ids" ] || bounded 60 docker container inspect --format "$look_format" $ids 2>/dev/null
  bounded 60 docker image ls --all --digests --no-trunc --format '{{.Repository}}@{{.Digest}}' 2>/dev/null |
    grep -v '<none>' | sort -u | head -n 5000 | sed 's/^/image=/'
}

free_bytes() {
  set -- "$docker_root"
  # A containerd of the system's own keeps the images, not Docker's folder.
  [ ! -S /run/containerd/containerd.sock ] || [ ! -d /var/lib/containerd ] || set -- "$1" /var/lib/containerd
  df -P -k -- "$@" 2>/dev/null | awk 'NR > 1 && (least == "" || $4 < least) { least = $4 } END { printf "%.0f\n", least * 1024 }'
}

look_state() {
  read_holder && holder_line && printf 'lock=%s\n' "$line"
  open_runs | sed 's/^/open=/'
  for each in "$S"/runs/*; do is_run "${each##*/}" && echo "run=${each##*/}"; done | head -n 5000
  for each in "$S"/definitions/*; do is_definition "${each##*/}" && echo "definition=${each##*/}"; done | head -n 5000
  good_marks | head -n 5000 | sed 's/^/good=/'
  for each in "$S"/timings/*; do
    is_svc "${each##*/}" && [ -f "$each" ] && printf 'timing=%s|%s\n' "${each##*/}" "$(head -c 20 "$each" | head -n 1)"
  done
  [ ! -f "$S/pin" ] || printf 'pin=%s\n' "$(head -n 1 "$S/pin" | head -c 4096)"
  count=0
  for each in $(newest_snapshots | head -n 300); do
    awk -F'\t' -v name="$each" -v most="$((count < 3))" '
      BEGIN { seq = substr(name, 1, 6); run = substr(name, 8) }
      NF == 2 { tag = $2; next }
      NF == 4 { n++; if (most) lines = lines "snap=" seq "|" $1 "|" $2 "|" $3 "|" $4 "\n" }
      END { print "snapshot=" seq "|" run "|" tag "|" n + 0; printf "%s", lines }' "$S/snapshots/$each"
    count=$((count + 1))
  done
}

newest_snapshots() {
  for each in "$S"/snapshots/*; do
    name=${each##*/}
    is_seq "${name%.*}" && is_run "${name##*.}" && echo "$name"
  done | sort -r
}

# The oldest first, by token: a clock may go backwards, a token does not.
open_runs() {
  for each in "$S"/runs/*; do
    open=${each##*/}
    is_run "$open" && [ -f "$each/journal" ] && [ ! -e "$each/ended" ] || continue
    printf '%s %s\n' "$(awk '/ begin .* \.$/ { print $2; exit }' "$each/journal")" "$open"
  done | sort -n | sed 's/.* //'
}

good_marks() {
  {
    for each in "$S"/good/*; do echo "${each##*/}"; done
    # A commit that was decided and not yet carried out in all places.
    [ ! -f "$S/committing" ] || awk -F'\t' '$1 == "good" { print $2 }' "$S/committing"
  } | grep -E '^[a-z][a-z0-9_]*\.[0-9a-f]{6}$' | sort -u
}
