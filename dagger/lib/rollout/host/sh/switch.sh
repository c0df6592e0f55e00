# ---- one service: from old to new and back. Every step reads off Docker what is there, so that it can be done again.

# What Docker is told to do, with its answer in $out. While dockerd is away nothing is known to have failed: it is waited for.
deed() {
  out=$(bounded "$((${m_stop:-10} + 90))" docker "$@" 2>&1) && return 0
  docker_answers || docker_comes_back
  return 1
}
docker_answers() { bounded 10 docker version --format '{{.Server.Version}}' >/dev/null 2>&1; }
docker_comes_back() {
  tick
  docker_gone=$now
  until docker_answers; do
    tick
    [ $((now - docker_gone)) -lt 120 ] || return 1
    nap 0.5
  done
}

state_format='@{{slice .Name 1}}|{{.Id}}|{{.State.Status}}|{{urlquery (index .Config.Labels "dev.fairlead.fleet")}}|{{urlquery (index .Config.Labels "dev.fairlead.run")}}'

# What there is of a service: cur_ (serves), prev_ (to go back to), new_ (made by run $2). False where Docker did not tell.
state_of() {
  cur_id='' cur_state='' cur_run='' prev_id='' prev_state='' new_id='' foreign=''
  found=$(bounded 30 docker container inspect --format "$state_format" "$1" "$1.prev" "$1.${2:-none}" 2>&1)
  [ $? -le 1 ] || { docker_comes_back; return 1; }
  case $found in *onnect\ to\ the\ Docker\ daemon* | *"error during connect"*) docker_comes_back; return 1 ;; esac
  while IFS='|' read -r s_name s_id s_state s_fleet s_run; do
    case $s_name in
      "@$1") [ "$s_fleet" = "$fleet" ] || foreign=yes && cur_id=$s_id cur_state=$s_state cur_run=$s_run ;;
      "@$1.prev") prev_id=$s_id prev_state=$s_state ;;
      "@$1.${2:-none}") new_id=$s_id ;;
    esac
  done <<EOT
$found
EOT
}

is_good() { [ -z "$2" ] || [ -e "$S/good/$1.$2" ] || { [ -f "$S/committing" ] && grep -qxF "good$tab$1.$2" "$S/committing"; }; }
is_up() { case $1 in running | restarting | paused) ;; *) return 1 ;; esac; }

# How a service is switched, by the manifest of the run that made it, else by any: m_… ; without one, Docker's own probe tells.
manifest_of() {
  m_port=0 m_path=/health m_probe=5 m_deadline=120 m_row=3 m_stop=10
  for each in "$S/runs/${2:-none}/manifest" "$S/runs/$run/manifest" "$S"/runs/*/manifest; do
    [ -f "$each" ] || continue
    row=$(awk -F'\t' -v svc="$1" '$1 == "service" && $2 == svc { print; exit }' "$each")
    [ -n "$row" ] || continue
    IFS=$tab read -r _ _ _ _ _ m_port m_path m_probe m_deadline m_row m_stop <<EOT
$row
EOT
    return 0
  done
  return 1
}

stop_one() { deed stop -t "$m_stop" "$1"; }

# The new one in the place of the old, started. 0: it was started; 1: again; 2: $why; 3: $why, and nothing was touched.
to_new() {
  state_of "$svc" "$made" || return 1
  [ -z "$foreign" ] || { why='somebody else has a container of that name' && return 3; }
  if [ "$cur_run" != "$made" ]; then
    [ -n "$new_id" ] || { why="$svc.$made is not there" && return "$([ -z "$down_at" ] && echo 3 || echo 2)"; }
    if [ -n "$cur_id" ]; then
      if is_up "$cur_state"; then
        [ -n "$down_at" ] || { tick && down_at=$cs; }
        stop_one "$cur_id" || return 1
        note_anyway stopped "$svc" -
      fi
      if is_good "$svc" "$cur_run"; then
        [ -z "$prev_id" ] || deed rm --force "$prev_id" || return 1
        deed rename "$cur_id" "$svc.prev" || return 1
      else
        # Never called good: what there is to go back to stays.
        deed rm --force "$cur_id" || return 1
      fi
    fi
    deed rename "$new_id" "$svc" || return 1
    cur_id=$new_id
  fi
  [ -n "$down_at" ] || { tick && down_at=$cs; }
  deed start "$cur_id" || { why="Docker does not start it: $(last "$out")" && return 2; }
  note_anyway started "$svc" -
}

# What serves is put aside, and what was good before is in its place again, started. 0: it is ($back tells what was done); 1: again; 2: $why.
to_old() {
  state_of "$svc" || return 1
  if [ -n "$cur_id" ] && ! is_good "$svc" "$cur_run"; then
    is_run "$cur_run" || cur_run=000000
    bounded 20 docker logs --tail 200 "$cur_id" 2>&1 | tail -c 200000 | redact >"$S/runs/$run/$svc.log" 2>/dev/null
    stop_one "$cur_id" || return 1
    # It is kept to be looked at, and must not come back by itself with dockerd.
    deed update --restart no "$cur_id" || return 1
    bounded 30 docker rm --force "$svc-$cur_run" >/dev/null 2>&1
    deed rename "$cur_id" "$svc-$cur_run" || return 1
    note_anyway kept "$svc" "$svc-$cur_run"
    cur_id=''
  fi
  if [ -z "$cur_id" ]; then
    [ -n "$prev_id" ] || { back=removed && return 0; }
    deed rename "$prev_id" "$svc" || return 1
    cur_id=$prev_id
  fi
  back=reverted
  deed start "$cur_id" || { why="Docker does not start it: $(last "$out")" && return 2; }
}

# Steps that failed while dockerd was away, or were overtaken by something, are done again from what is there then.
again() {
  rounds=0
  while :; do
    "$1"
    got=$?
    [ $got -eq 1 ] || return $got
    rounds=$((rounds + 1))
    [ $rounds -lt 5 ] || { why="Docker: $(last "${out:-no answer}")" && return 2; }
    nap 0.5
  done
}

# Whether $svc becomes healthy within its deadline; else $why.
healthy() {
  tick
  deadline=$((cs + m_deadline * 100)) in_row=0 starts=0 base='' said='no answer yet'
  while :; do
    if [ -z "$base" ]; then
      inspected || { lost_sight || return 1 && continue; }
      base=$i_restarts
    fi
    tick
    [ "$cs" -lt "$deadline" ] || { why="not healthy within $m_deadline s: $said" && return 1; }
    if probe; then
      in_row=$((in_row + 1))
      [ $in_row -gt 1 ] || { first_good=$cs && row_restarts=$i_restarts; }
      if [ $in_row -ge "$m_row" ]; then
        if ! inspected; then
          lost_sight || return 1
        elif [ "$i_state" = running ] && [ "$i_restarts" = "$row_restarts" ]; then
          return 0
        fi
        # It was another process that answered before.
        in_row=0
      fi
      nap 1
    else
      in_row=0
      inspected || { lost_sight || return 1 && continue; }
      [ $((i_restarts - base)) -lt 3 ] || { why="it ended and was started again $((i_restarts - base)) times$(how_it_ended)" && return 1; }
      case $i_state in
        running | restarting) ;;
        # Docker leaves what it stopped itself, when it was restarted, where it is.
        *)
          starts=$((starts + 1))
          [ $starts -le 3 ] || { why="it is $i_state: exit code $i_exit" && return 1; }
          deed start "$svc" || :
          ;;
      esac
      nap 0.5
    fi
  done
}
# While it runs Docker tells no exit code of the run before: its next end is waited for, a moment.
how_it_ended() {
  for _ in 1 2 3 4 5 6 7 8 9 10; do
    [ "$i_state" = running ] || { echo ": exit code $i_exit" && return; }
    nap 0.5
    inspected || return
  done
}
# A container that nobody can see: it is gone, or dockerd is. What dockerd's absence took is not counted.
lost_sight() {
  if docker_answers; then why='its container is gone' && return 1; fi
  tick
  away=$cs
  docker_comes_back || { why='dockerd does not come back' && return 1; }
  tick
  deadline=$((deadline + cs - away)) in_row=0
  sleep 1
}

# What Docker sees of it, also where the health port is published (HostIP: as the field of its Go type is called).
inspected() {
  seen=$(bounded 20 docker container inspect --format '{{.State.Status}}|{{.RestartCount}}|{{.State.ExitCode}}|{{if .State.Health}}{{.State.Health.Status}}{{end}}|{{range $port, $at := .HostConfig.PortBindings}}{{$port}}={{range $at}}{{.HostIP}}{{end}} {{end}}' "$svc" 2>/dev/null) || return 1
  IFS='|' read -r i_state i_restarts i_exit i_health i_ports <<EOT
$seen
EOT
  i_ip=none
  case " $i_ports" in *" $m_port/tcp="*) i_ip=${i_ports##*"$m_port/tcp="} && i_ip=${i_ip%% *} ;; esac
  case $i_ip in '' | 0.0.0.0 | ::*) i_ip=127.0.0.1 ;; esac
  is_number "$i_restarts"
}

# GET over a plain socket: http.client alone takes longer to load than a service to answer.
python_get='import socket, sys
at, port, path, seconds = sys.argv[1:]
with socket.create_connection((at, int(port)), float(seconds)) as to:
    to.sendall(b"GET " + path.encode() + b" HTTP/1.0\r\nHost: localhost\r\n\r\n")
    answer = b""
    while len(answer) < 65536 and (part := to.recv(65536)):
        answer += part
head, _, body = answer.partition(b"\r\n\r\n")
sys.stdout.buffer.write(head.split()[1][:3] + b" " + body)'

# One question; what was wrong with the answer is in $said.
probe() {
  if [ "$m_port" = 0 ]; then
    inspected || return 1
    said="Docker says ${i_health:-$i_state}"
    [ "$i_state" = running ] && { [ -z "$i_health" ] || [ "$i_health" = healthy ]; }
  elif [ "$i_ip" != none ] && has curl; then
    answer=$(curl -q --silent --noproxy '*' --proto =http --globoff --max-time "$m_probe" --max-filesize 65536 --write-out '\n%{http_code}' -- "http://$i_ip:$m_port$m_path" 2>/dev/null | head -c 70000 | tr -d '\000')
    body=${answer%?[0-9][0-9][0-9]}
    case $answer in
      *200) says_ok "$body" ;;
      *000) said='no answer' && return 1 ;;
      *) said="it answered ${answer#"$body"?}" && return 1 ;;
    esac
  elif [ "$i_ip" != none ] && has wget; then
    body=$(http_proxy='' bounded "$m_probe" wget -q -O - "http://$i_ip:$m_port$m_path" 2>/dev/null | head -c 70000 | tr -d '\000')
    says_ok "$body"
  elif [ "$i_ip" != none ] && has python3; then
    body=$(bounded "$((m_probe + 1))" python3 -ISBc "$python_get" "$i_ip" "$m_port" "$m_path" "$m_probe" 2>/dev/null | tr -d '\000')
    case $body in '200 '*) says_ok "${body#200 }" ;; '') said='no answer' && return 1 ;; *) said="it answered ${body%% *}" && return 1 ;; esac
  else
    said='fairlead-health in it failed'
    bounded "$((m_probe + 5))" docker exec "$svc" fairlead-health >/dev/null 2>&1
  fi
}

# An object with the status "ok" of its own, not of something within it.
says_ok() {
  case $1 in '{"status":"ok"}') return 0 ;; '') said='no answer' && return 1 ;; esac
  said="it answered $(clean "$1" | cut -c 1-80)"
  printf '%s\n' "$1" | awk '
    { text = text $0 " " }
    END {
      sub(/^[ \t\r]+/, "", text); sub(/[ \t\r]+$/, "", text)
      if (substr(text, 1, 1) != "{" || substr(text, length(text)) != "}") exit 1
      depth = 0; key = ""; after = 0
      while (length(text) > 0) {
        c = substr(text, 1, 1)
        if (c == "\"") {
          if (!match(text, /^"([^"\\]|\\.)*"/)) exit 1
          word = substr(text, 1, RLENGTH); text = substr(text, RLENGTH + 1)
          if (depth == 1 && after) { if (key == "\"status\"") ok = word == "\"ok\"" } else if (depth == 1) key = word
          continue
        }
        if (c == ":" && depth == 1) after = 1
        if (c == "," && depth == 1) { after = 0; key = "" }
        if (c == "{" || c == "[") depth++
        if (c == "}" || c == "]") depth--
        text = substr(text, 2)
      }
      exit !(ok && depth == 0)
    }'
}

seconds_from() {
  tick
  spent=$((${2:-$cs} - $1))
  [ $spent -ge 0 ] || spent=0
  echo "$((spent / 100)).$((spent % 100 / 10))"
}

# Takes $svc back, whatever stands in the way of writing it down. Tells `back` or `lost`.
take_back() {
  tick
  reverting_at=$cs
  note_anyway reverting "$svc" "${1:--}"
  if again to_old; then
    [ "$back" = reverted ] || { note_anyway removed "$svc" - && echo "back $svc" && return; }
    state_of "$svc"
    manifest_of "$svc" "$cur_run"
    if healthy; then
      note_anyway reverted "$svc" "$(seconds_from "$reverting_at" "$first_good")"
      echo "back $svc"
      return
    fi
  fi
  note_anyway revert-failed "$svc" "$(clean "$why")"
  echo "lost $svc"
}

# KEEPGOING SVC. Told on stdout: good, back (new failed, old serves), lost (neither), same (not begun, for a reason), skip, fenced.
cmd__switch() {
  goes_on=$1 svc=$2 made=$run down_at='' why=''
  still_holds || { echo "fenced $svc" && exit 255; }
  [ ! -e "$S/runs/$run/halt" ] || { echo "skip $svc" && exit 0; }
  if ! manifest_of "$svc" "$run"; then
    unchanged 'it is not in the manifest'
  elif [ "$(free_bytes)" -lt 67108864 ]; then
    unchanged 'less than 64 MB are free where Docker keeps its data'
  elif ! note switching "$svc" -; then
    unchanged 'the journal cannot be written'
  else
    again to_new
    got=$?
    if [ $got -eq 3 ]; then
      unchanged "$why"
    elif [ $got -eq 0 ] && healthy; then
      seconds=$(seconds_from "$down_at" "$first_good")
      note_anyway healthy "$svc" "$seconds"
      put_file "$S/timings/$svc" "$seconds"
      echo "good $svc"
      exit 0
    else
      halted
      note_anyway failed "$svc" "$(clean "$why")"
      take_back -
    fi
  fi
  [ "$goes_on" = 1 ] || exit 255
}
unchanged() { halted && note_anyway failed "$svc" "$(clean "$1")" && echo "same $svc"; }
# With the flag nothing more is begun, and with exit code 255 xargs stops where even the flag cannot be written.
halted() { [ "$goes_on" = 1 ] || : >"$S/runs/$run/halt"; } 2>/dev/null
