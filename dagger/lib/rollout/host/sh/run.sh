# ---- a run: what it brings, its journal, its detached jobs

# stdin: lines `@@ <path>`, each followed by that file's lines; `@@ end` last, since a cut connection looks like an end.
cmd_put() {
  is_number "$1" && is_run "$2" || refuse "put TOKEN RUN"
  [ -d "$S/runs/$2" ] || die 74 "run $2 never had the lock"
  in=$S/runs/$2/in.$$
  rm -rf "$S/runs/$2"/in.*
  mkdir "$in" || die 3 "cannot write to $S"
  # Files get numbers here: no path of others names a file before it was looked at.
  head -c 16000000 | awk -v dir="$in" '
    /^@@ / { if (file) close(file); path = substr($0, 4); if (path == "end") { file = ""; print path > (dir "/index"); next }
      file = dir "/" ++n; print path > (dir "/index"); printf "" > file; next }
    file { print > file }' 2>/dev/null || { rm -rf "$in" && die 3 "what was sent cannot be written: is the disk full?"; }
  [ "$(tail -n 1 "$in/index" 2>/dev/null)" = end ] || { rm -rf "$in" && die 64 "refused: the bundle was cut off"; }
  fence_run "$1" "$2"
  n=0
  while IFS= read -r path; do
    n=$((n + 1))
    [ "$path" = end ] || put_one "$path" "$in/$n" || { rm -rf "$in" && die 64 "refused: $(clean "$path")"; }
  done <"$in/index"
  rm -rf "$in"
  echo end=1
}

put_one() {
  case $1 in
    manifest) manifest_ok "$2" && mv -f "$2" "$S/runs/$run/manifest" ;;
    compose.json) mv -f "$2" "$S/runs/$run/compose.json" ;;
    definitions/*) is_definition "${1#definitions/}" && mv -f "$2" "$S/$1" ;;
    # Containers have it mounted, by its inode: one that is there stays. Its reader is the service's own user.
    files/*) is_file "${1#files/}" && { [ -s "$S/$1" ] || { chmod 0644 "$2" && mv -f "$2" "$S/$1"; }; } ;;
    *) return 1 ;;
  esac
}

manifest_ok() {
  awk -F'\t' '
    function number(text) { return text ~ /^[0-9]+$/ && length(text) <= 6 }
    function image(text) { return length(text) <= 400 && text ~ /^[a-z0-9][a-zA-Z0-9._:\/-]*@sha256:[0-9a-f]+$/ }
    function word(text) { return length(text) <= 128 && text ~ /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/ }
    $1 == "service" && NF == 11 && $2 ~ /^[a-z][a-z0-9_]*$/ && length($2) <= 63 && word($3) && image($4) && length($5) == 12 &&
      $5 ~ /^[0-9a-f]*$/ && number($6) && $7 ~ /^\/[A-Za-z0-9._~\/-]*$/ && number($8) && number($9) && number($10) && number($11) { next }
    $1 == "image" && NF == 2 && image($2) { next }
    $1 == "mirror" && NF == 2 && length($2) <= 260 && $2 ~ /^[a-z0-9][a-z0-9.-]*(:[0-9]+)?$/ { next }
    $1 == "tag" && NF == 2 && word($2) { next }
    ($1 == "volume" || $1 == "network") && NF == 2 && word($2) { next }
    { bad = 1 }
    END { exit bad }' "$1"
}

# Written in one go, between line ends of its own: a line that was torn neither counts nor spoils the next.
note() {
  printf '\n%s %s %s %s %s .\n' "$(stamp)" "$token" "$1" "$2" "${3:--}" >>"$S/runs/$run/journal"
} 2>/dev/null
# For what is done also where nobody can write it down.
note_anyway() { note "$@" || { rm -f "$S/spare" && note "$@"; } || :; }

journal_lines() { awk -v from="$2" '/^[0-9T:-]*Z [0-9]+ [a-z-]+ [^ ]+ .* \.$/ { if (++n >= from) print "line=" n " " substr($0, 1, length($0) - 2) }' "$1" 2>/dev/null; }

# Long poll.
cmd_wait() {
  is_number "$3" && is_number "$4" && [ "$4" -le 60 ] || refuse "wait TOKEN RUN FROM SECONDS"
  fence_run "$1" "$2"
  mutex_end
  tick
  until=$((now + $4)) before='' lines=''
  while :; do
    # First the job, then the lines: what it wrote last is never missed.
    job_state
    size=$(wc -c 2>/dev/null <"$S/runs/$run/journal")
    if [ "$size" != "$before" ]; then lines=$(journal_lines "$S/runs/$run/journal" "$3" | head -n 1000) && before=$size; fi
    tick
    if [ -n "$lines" ] || [ "$said" != running ] || [ "$now" -ge "$until" ]; then break; fi
    nap 0.2
  done
  [ -z "$lines" ] || printf '%s\n' "$lines"
  printf 'job=%s\nend=1\n' "$said"
}

job_state() {
  if ! read_job || [ "$j_run" != "$run" ]; then
    said=none
  elif [ -n "$j_rc" ]; then
    said=ended:$j_rc
  elif job_running; then
    said=running
  elif read_job && [ -n "$j_rc" ]; then
    # It ended between the two looks: its last word is there before its process is gone.
    said=ended:$j_rc
  else
    said=died
  fi
}

# ID: the same start asked for twice (the answer was lost) begins one job.
cmd_start() {
  [ $# -ge 4 ] || refuse "start TOKEN RUN ID JOB"
  is_run "$3" || refuse "an id"
  job_ok "$@"
  fence_run "$1" "$2"
  id=$3
  if read_job && [ "$j_id" = "$id" ]; then printf 'from=%s\nend=1\n' "$j_from" && exit 0; fi
  if job_running; then echo job=running && echo end=1 && exit 75; fi
  mutex_end
  # Nothing of it may hold this session open: sshd waits for whoever has its pipes.
  if has setsid; then own='setsid'; else own='nohup'; fi
  $own sh "$0" "$fleet" _job "$@" </dev/null >>"$S/runs/$run/$4.log" 2>&1 &
  tick
  until=$((now + 20))
  until read_job && [ "$j_id" = "$id" ]; do
    tick
    [ "$now" -lt "$until" ] || die 3 "the job did not begin: $(tail -n 1 "$S/runs/$run/$4.log" | cut -c 1-300)"
    nap 0.1
  done
  printf 'from=%s\nend=1\n' "$j_from"
}

job_ok() {
  shift 3
  name=$1
  shift
  case $name in
    settle | pull | create | discard) [ $# -eq 0 ] || refuse "$name takes nothing" ;;
    wave)
      [ $# -eq 3 ] && is_word "$1" && is_number "$2" && [ "$2" -ge 1 ] && [ "$2" -le 64 ] || refuse "wave NAME PARALLEL KEEPGOING"
      case $3 in 0 | 1) ;; *) refuse "wave NAME PARALLEL KEEPGOING" ;; esac
      ;;
    back) for each; do is_svc "$each" || refuse "a service"; done ;;
    *) refuse "a job" ;;
  esac
}

cmd__job() {
  job_ok "$@"
  fence_run "$1" "$2"
  id=$3
  # One job at a time, and the same one once: seen to while the mutex is held.
  if job_running || { read_job && [ "$j_id" = "$id" ]; }; then exit 75; fi
  trap '' HUP PIPE
  shift 3
  name=$1
  shift
  from=$(($(journal_lines "$S/runs/$run/journal" 1 | wc -l) + 1))
  # Field 22 is when it started; the name in field 2 may hold blanks, so that it is counted from the bracket on.
  start=$(sed 's/^.*) //' "/proc/$$/stat" | awk '{ print $20 }')
  job="pid=$$
start=$start
boot=$boot
run=$run
id=$id
from=$from
job=$name"
  note begin - "$name" || [ "$name" = back ] || [ "$name" = settle ] || die 3 "the journal cannot be written: is the disk full?"
  put_file "$S/job" "$job" || die 3 "the job cannot be written down: is the disk full?"
  mutex_end
  FAIRLEAD_TOKEN=$token FAIRLEAD_RUN=$run
  export FAIRLEAD_TOKEN FAIRLEAD_RUN
  ("job_$name" "$@")
  rc=$?
  note_anyway end - "$name $rc"
  put_file "$S/job" "$job
rc=$rc" || :
  exit $rc
}
