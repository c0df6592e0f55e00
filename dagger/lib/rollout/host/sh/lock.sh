# ---- who may change things: one run, shown by its token, and one detached job

stale_seconds=60

read_holder() {
  h_token='' h_run='' h_owner='' h_verb='' h_since=''
  [ -f "$S/lock/holder" ] || return 1
  while IFS='=' read -r key value; do
    case $key in
      token) h_token=$value ;;
      run) h_run=$value ;;
      owner) h_owner=$value ;;
      verb) h_verb=$value ;;
      since) h_since=$value ;;
    esac
  done <"$S/lock/holder"
  is_number "$h_token" && is_run "$h_run"
}

# Seconds since then on this boot's own count; a time of another boot is long ago.
seconds_since() {
  since_boot=${1%% *} since_up=${1#* }
  tick
  if [ "$since_boot" = "$boot" ] && is_number "$since_up" && [ "$since_up" -le "$now" ]; then
    seconds=$((now - since_up))
  else
    seconds=999999
  fi
}

# Sets line, stale, working.
holder_line() {
  if job_running; then working=1; else working=0; fi
  seconds_since "$h_since" && held=$seconds
  seconds_since "$(cat "$S/lock/beat" 2>/dev/null || echo none)"
  if [ "$seconds" -ge $stale_seconds ]; then stale=1; else stale=0; fi
  line="$h_token|$h_run|$h_owner|$h_verb|$seconds|$stale|$working|$held"
}

# The same run asking again (its connection was cut before it heard the answer) gets the same token. A fourth word is a run
# of the same owner of which the caller knows that nobody carries it out any more: its silence is not waited for.
cmd_lock() {
  is_run "$1" && is_word "$2" && is_word "$3" && is_run "${4:-$1}" || refuse "lock RUN OWNER VERB [DEAD RUN]"
  mkdir -p "$S/lock" "$S/runs/$1" "$S/definitions" "$S/files" "$S/good" "$S/snapshots" "$S/timings" || die 3 "cannot write to $S"
  mutex
  spare
  if read_holder; then
    if [ "$h_run" != "$1" ] || [ "$h_owner" != "$2" ]; then
      holder_line
      if [ "$h_run" = "${4:-}" ] && [ "$h_owner" = "$2" ]; then stale=1; fi
      if [ $stale = 0 ] || [ $working = 1 ]; then printf 'holder=%s\nend=1\n' "$line" && exit 75; fi
      h_token=''
    fi
  elif job_running; then
    # Its run let go of the lock, or was never written down: nobody may work beside it.
    printf 'holder=0|%s|nobody|%s|0|0|1|0\nend=1\n' "$j_run" "$j_job" && exit 75
  fi
  if [ -z "$h_token" ]; then
    token=$(cat "$S/token" 2>/dev/null || echo 0)
    is_number "$token" || token=0
    h_token=$((token + 1))
    tick
    put_file "$S/token" "$h_token" && put_file "$S/lock/beat" "$boot $now" &&
      put_file "$S/lock/holder" "token=$h_token
run=$1
owner=$2
verb=$3
since=$boot $now
at=$(stamp)" || die 3 "the lock cannot be written: is the disk full?"
  fi
  beat
  finish_commit
  printf 'token=%s\nend=1\n' "$h_token"
}

beat() { tick && put_file "$S/lock/beat" "$boot $now" || die 3 "the lock cannot be renewed: is the disk full?"; }

# Every change begins here: with the mutex held, no other run can take over before it is done.
fence() {
  is_number "$1" || refuse "a token"
  [ -d "$S/lock" ] || die 74 "nobody holds the lock"
  mutex
  if ! read_holder || [ "$h_token" != "$1" ]; then
    [ -z "$h_token" ] || { holder_line && printf 'holder=%s\n' "$line"; }
    echo end=1
    exit 74
  fi
  token=$1 run=$h_run
  beat
}
# The same with the run that is worked on.
fence_run() { is_run "$2" || refuse "a run" && fence "$1" && { [ "$run" = "$2" ] || refuse "the lock is for run $run"; }; }

still_holds() { read_holder && [ "$h_token" = "$token" ]; }

cmd_beat() { fence "$1" && echo end=1; }

cmd_unlock() {
  fence "$1"
  if job_running && [ "$j_run" = "$run" ]; then echo job=running && echo end=1 && exit 75; fi
  [ ! -d "$S/runs/$run" ] || : >"$S/runs/$run/ended"
  rm -f "$S/lock/holder"
  echo end=1
}

read_job() {
  j_pid='' j_start='' j_boot='' j_run='' j_id='' j_from='' j_job='' j_rc=''
  [ -f "$S/job" ] || return 1
  while IFS='=' read -r key value; do
    case $key in
      pid) j_pid=$value ;;
      start) j_start=$value ;;
      boot) j_boot=$value ;;
      run) j_run=$value ;;
      id) j_id=$value ;;
      from) j_from=$value ;;
      job) j_job=$value ;;
      rc) j_rc=$value ;;
    esac
  done <"$S/job"
  is_number "$j_pid" && is_run "$j_run"
}

started_at() {
  # shellcheck disable=SC2086 # numbers, after the name in brackets, which may hold anything
  set -- $1 && ticks=${20:-} && case $1 in Z* | X*) return 1 ;; esac
}

# A job is its process and whatever is left of its session: were the job itself killed, the switches that it began go on.
# A process of the same number with another start time is somebody else's.
job_running() {
  read_job && [ -z "$j_rc" ] && [ "$j_boot" = "$boot" ] || return 1
  # Asked several times a second: no process is started while the job itself is there.
  if read -r stat 2>/dev/null <"/proc/$j_pid/stat" && started_at "${stat##*) }" && [ "$ticks" = "$j_start" ]; then return 0; fi
  cat /proc/[0-9]*/stat 2>/dev/null | awk -v sid="$j_pid" -v start="$j_start" '
    { pid = $1; sub(/^.*\) /, "") }
    $1 == "Z" || $1 == "X" { next }
    pid == sid { if ($20 == start) leader = 1; else other = 1; next }
    $4 == sid { member = 1 }
    END { exit !(leader || (member && !other)) }'
}
