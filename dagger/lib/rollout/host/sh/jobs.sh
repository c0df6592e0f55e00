# ---- the jobs

# A piece of the work in a process of its own, $1 at a time; the names come on stdin, the words are the command.
each_of() {
  at_once=$1
  shift
  names=$(cat)
  [ -n "$names" ] || return 0
  printf '%s\n' "$names" | xargs -n 1 -P "$at_once" sh "$0" "$fleet" "$@"
}

# Whether a piece answered with this word. It begins its line: a service may be called feedback_handler.
heard() { printf '%s\n' "$2" | grep -Eq "^($1)( |$)"; }
# The exit code of a job from what its pieces told.
told() {
  heard fenced "$1" && return 74
  heard lost "$1" && return 5
  heard 'back|same|old' "$1" && return 4
  return 0
}

job_pull() {
  mirror=$(awk -F'\t' '$1 == "mirror" { print $2 }' "$S/runs/$run/manifest" | head -n 1)
  answers=$(awk -F'\t' '$1 == "image" { print $2 }' "$S/runs/$run/manifest" | sort -u | each_of 3 _pull "${mirror:--}")
  heard fenced "$answers" && return 74
  heard failed "$answers" && return 3
  return 0
}

# Pulls an image by a reference, $1, once that is written down; what Docker said is in $out.
bring() {
  still_holds || { echo fenced && exit 255; }
  note pulling "$image" "$2" || { echo failed && exit 255; }
  out=$(bounded 3600 docker pull --quiet "$1" 2>&1 </dev/null)
}

cmd__pull() {
  mirror=$1 image=$2
  if bounded 30 docker image inspect "$image" >/dev/null 2>&1; then
    note pulled "$image" 'it was there'
    exit 0
  fi
  by=-
  if [ "$mirror" != - ]; then
    # The same bytes by the same digest: what it brought, Docker does not fetch again under the image's own name.
    near=$mirror/${image#*/}
    if bring "$near" "by $mirror"; then by="by $mirror"; else note_anyway mirror-failed "$image" "$mirror: $(last "$out")"; fi
  fi
  for pause in 2 5 0; do
    if bring "$image" -; then
      [ "$by" = - ] || bounded 60 docker image rm "$near" >/dev/null 2>&1
      note_anyway pulled "$image" "$by"
      exit 0
    fi
    sleep $pause
  done
  note_anyway pull-failed "$image" "$(last "$out")"
  echo failed
}

# A project of its own for each run: in one that has the service already, Compose would stop and remove the old container.
job_create() {
  tag=none
  while IFS=$tab read -r kind name _; do
    case $kind in
      network | volume)
        bounded 20 docker "$kind" inspect "$name" >/dev/null 2>&1 ||
          deed "$kind" create --label "dev.fairlead.fleet=$fleet" "$name" || { note_anyway create-failed "$name" "$(last "$out")" && return 3; }
        ;;
      tag) tag=$name ;;
    esac
  done <"$S/runs/$run/manifest"
  FAIRLEAD_RUN=$run FAIRLEAD_STATE=$S FAIRLEAD_TAG=$tag
  DOCKER_GID=$(stat -c %g /var/run/docker.sock 2>/dev/null || echo 999)
  AUDIO_GID=$(stat -c %g /dev/snd/timer 2>/dev/null || echo 29)
  export FAIRLEAD_RUN FAIRLEAD_STATE FAIRLEAD_TAG DOCKER_GID AUDIO_GID
  out=$(bounded 900 docker compose --project-name "$fleet-$run" --project-directory "$S/runs/$run" --env-file /dev/null \
    --file "$S/runs/$run/compose.json" up --no-start --no-build --pull never --quiet-pull 2>&1 </dev/null)
  why=$(last "$out")
  there=$(bounded 60 docker ps --all --filter "label=dev.fairlead.fleet=$fleet" --filter "label=dev.fairlead.run=$run" --format '{{.Names}}')
  rc=0
  for svc in $(wanted); do
    case "
$there
" in
      *"
$svc.$run
"*) note created "$svc" - ;;
      *) note_anyway create-failed "$svc" "$why" && rc=3 ;;
    esac
  done
  return $rc
}

# Services of the manifest, of one wave where it is named.
wanted() { awk -F'\t' -v wave="${1:-}" '$1 == "service" && (wave == "" || $3 == wave) { print $2 }' "$S/runs/$run/manifest"; }

job_wave() {
  rm -f "$S/runs/$run/halt"
  docker_comes_back
  FAIRLEAD_ROOT=$(bounded 20 docker info --format '{{.DockerRootDir}}' 2>/dev/null)
  export FAIRLEAD_ROOT
  answers=$(wanted "$1" | each_of "$2" _switch "$3")
  # One of which nothing was heard was killed between two steps: what it began is brought to an end.
  for svc in $(wanted "$1"); do
    case "
$answers
" in
      *" $svc
"*) ;;
      *)
        grep -q " switching $svc " "$S/runs/$run/journal" 2>/dev/null || continue
        answer=$(sh "$0" "$fleet" _settle "$svc")
        case $answer in old* | none*) note_anyway failed "$svc" 'its switch was interrupted: the old one serves' ;; esac
        answers="$answers
$(printf '%s\n' "$answer" | sed 's/^none/old/')"
        ;;
    esac
  done
  told "$answers"
}

job_back() {
  if [ $# -gt 0 ]; then answers=$(printf '%s\n' "$@" | each_of 4 _back); else answers=$(services | each_of 4 _back); fi
  heard lost "$answers" && return 5
  return 0
}

cmd__back() {
  svc=$1 down_at='' why=''
  manifest_of "$svc"
  until state_of "$svc"; do another_round || { echo "lost $svc" && exit 0; }; done
  [ -z "$foreign" ] || exit 0
  if [ -n "$cur_id" ]; then is_good "$svc" "$cur_run" && is_up "$cur_state" && exit 0; else [ -n "$prev_id" ] || exit 0; fi
  take_back -
}
another_round() {
  rounds=$((${rounds:-0} + 1))
  [ $rounds -lt 5 ]
}

job_discard() {
  for name in $(bounded 60 docker ps --all --filter "label=dev.fairlead.run=$run" --filter "label=dev.fairlead.fleet=$fleet" --format '{{.Names}}'); do
    if is_mark "$name" && [ "${name##*.}" = "$run" ]; then deed rm --force "$name" || return 3; fi
  done
}

# Every service of this fleet that Docker knows of, by whatever is there of it.
services() {
  bounded 60 docker ps --all --filter "label=dev.fairlead.fleet=$fleet" --format '{{.Names}}' |
    sed 's/\.prev$//; s/[.-][0-9a-f]\{6\}$//' | grep -E '^[a-z][a-z0-9_]{0,62}$' | sort -u
}

job_settle() {
  docker_comes_back || { note_anyway failed - 'dockerd does not come back' && return 3; }
  answers=$(restless | each_of 4 _settle | sed 's/^old/none/')
  leftovers
  told "$answers"
  rc=$?
  # What they left is settled; this run's own end is told by its deployer.
  [ $rc -eq 5 ] || for each in $(open_runs); do [ "$each" = "$run" ] || : >"$S/runs/$each/ended"; done
  return $rc
}

# Services that do not simply serve: one look for all of them, since nearly always nothing is to be done.
restless() {
  marks=$(good_marks | tr '\n' ' ')
  bounded 60 docker ps --all --filter "label=dev.fairlead.fleet=$fleet" --format '{{.Names}}|{{.State}}|{{.Label "dev.fairlead.run"}}' |
    awk -F'|' -v marks=" $marks" '
      { svc = $1; sub(/\.prev$/, "", svc); sub(/[.-][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f]$/, "", svc); all[svc] }
      $1 == svc { if ($2 == "running" && ($3 == "" || index(marks, " " svc "." $3 " "))) calm[svc] }
      $1 != svc && $2 == "running" { odd[svc] }
      END { for (svc in all) if ((!(svc in calm) || svc in odd) && svc ~ /^[a-z][a-z0-9_]*$/) print svc }'
}

# Made by runs that are over, and never switched to.
leftovers() {
  for name in $(bounded 60 docker ps --all --filter "label=dev.fairlead.fleet=$fleet" --format '{{.Names}}'); do
    if is_mark "$name" && [ "${name##*.}" != "$run" ]; then deed rm --force "$name"; fi
  done
}

# Brings a service to rest. Tells good (the new one serves), old (so does the old one, again), back or lost; none where nothing was to be done.
cmd__settle() {
  svc=$1 down_at='' why='' goes_on=1
  until state_of "$svc"; do another_round || { echo "lost $svc" && exit 0; }; done
  [ -z "$foreign" ] || { echo "none $svc" && exit 0; }
  manifest_of "$svc" "$cur_run"
  # A prev that was started (Docker does so where it was stopped half) has the port of the one that is to serve.
  if [ -n "$prev_id" ] && is_up "$prev_state" && [ -n "$cur_id" ]; then stop_one "$prev_id"; fi
  if [ -z "$cur_id" ]; then
    begun=$(begun_run)
    [ -n "$begun" ] || { [ -n "$prev_id" ] && take_back 'an unfinished switch' || echo "none $svc"; exit 0; }
    made=$begun
  elif is_good "$svc" "$cur_run"; then
    is_up "$cur_state" && echo "none $svc" && exit 0
    # It was called good and is down: dockerd was killed, or a switch was, before it renamed anything.
    if deed start "$cur_id" && healthy; then note_anyway settled "$svc" 'started again' && echo "old $svc" && exit 0; fi
    note_anyway revert-failed "$svc" "$(clean "${why:-$(last "$out")}")" && echo "lost $svc" && exit 0
  else
    was_healthy "$cur_run" && [ "$cur_state" = running ] && echo "good $svc" && exit 0
    made=$cur_run
  fi
  manifest_of "$svc" "$made"
  if again to_new && healthy; then
    note_anyway healthy "$svc" "$(seconds_from "$down_at" "$first_good")"
    note_anyway settled "$svc" 'its switch was brought to an end'
    echo "good $svc"
  else
    note_anyway failed "$svc" "$(clean "$why")"
    take_back -
  fi
}

# The run whose switch of $svc was begun and got as far as having nothing in the place of $svc.
begun_run() {
  for each in $(bounded 30 docker ps --all --filter "label=dev.fairlead.fleet=$fleet" --format '{{.Names}}'); do
    if is_mark "$each" && [ "${each%.*}" = "$svc" ] && grep -q " switching $svc " "$S/runs/${each##*.}/journal" 2>/dev/null; then
      echo "${each##*.}" && return
    fi
  done
}

was_healthy() { awk -v svc="$svc" '/ \.$/ && $4 == svc && $3 != "settled" { last = $3 } END { exit last != "healthy" }' "$S/runs/$1/journal" 2>/dev/null; }
