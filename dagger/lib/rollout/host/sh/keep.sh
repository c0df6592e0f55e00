# ---- what is kept: what was good, the history, a pin; and what is not kept any more

# What is decided is one file, renamed into place; marks and snapshot follow from it, also after a kill (`lock` does it then).
cmd_commit() {
  is_word "$3" || refuse "a tag"
  fence_run "$1" "$2"
  if job_running; then echo job=running && echo end=1 && exit 75; fi
  finish_commit
  running=$(bounded 60 docker ps --no-trunc --filter "label=dev.fairlead.fleet=$fleet" --format '{{.Names}}') || die 3 "docker ps failed"
  ids=$(for each in $running; do is_svc "$each" && echo "$each"; done)
  # shellcheck disable=SC2086 # names of services
  rows=$([ -z "$ids" ] || bounded 60 docker container inspect --format '{{slice .Name 1}}|{{urlquery (index .Config.Labels "dev.fairlead.run")}}|{{urlquery (index .Config.Labels "dev.fairlead.definition")}}|{{.Config.Image}}|{{urlquery (index .Config.Labels "dev.fairlead.tag")}}' $ids) || die 3 "docker inspect failed"
  newest=$(newest_snapshots | head -n 1)
  seq=${newest%.*}
  # The same asked for again, since the answer was lost: one snapshot.
  if [ "${newest##*.}" != "$run" ]; then seq=$(printf '%s\n' "${seq:-0}" | awk '{ printf "%06d", $1 + 1 }'); fi
  decided=$(printf '%s\n' "$rows" | awk -F'|' -v OFS='\t' -v head="$seq.$run" -v tag="$3" '
    BEGIN { print "snapshot", head; print "tag", tag }
    $2 ~ /^[0-9a-f]+$/ && length($2) == 6 { print "good", $1 "." $2 }
    $3 ~ /^[0-9a-f]+$/ && length($3) == 12 { print "row", $1, $3, $4, $5 }')
  put_file "$S/committing" "$decided" || die 3 "the commit cannot be written: is the disk full?"
  sync "$S/committing" 2>/dev/null
  finish_commit
  for name in $(bounded 60 docker ps --all --filter "label=dev.fairlead.fleet=$fleet" --format '{{.Names}}'); do
    # What failed in this very run has just been named to whoever is to look into it.
    case $name in *.prev | *-"$run") continue ;; *.* | *-*) is_container "$name" && bounded 60 docker rm --force "$name" >/dev/null 2>&1 ;; esac
  done
  for each in $(open_runs); do : >"$S/runs/$each/ended"; done
  for each in "$S"/host-*.sh; do [ "${each##*/}" = "${0##*/}" ] || rm -f "$each"; done
  printf 'snapshot=%s\nend=1\n' "$seq"
}

finish_commit() {
  [ -f "$S/committing" ] || return 0
  name=$(awk -F'\t' '$1 == "snapshot" { print $2; exit }' "$S/committing")
  is_seq "${name%.*}" && is_run "${name##*.}" || { rm -f "$S/committing" && return 0; }
  put_file "$S/snapshots/$name" "$(awk -F'\t' -v OFS='\t' '$1 == "tag" { print $1, $2 } $1 == "row" { print $2, $3, $4, $5 }' "$S/committing")" || return 1
  awk -F'\t' '$1 == "good" { print $2 }' "$S/committing" | while IFS= read -r mark; do
    if is_mark "$mark"; then : >"$S/good/$mark" || exit 1; fi
  done || return 1
  sync "$S/snapshots/$name" "$S/good" 2>/dev/null
  rm -f "$S/committing"
}

sha() { printf '%s' "$1" | sha256sum | cut -c 1-64; }

# Copied and renamed, so that no line is ever torn and each follows from the one before.
cmd_record() {
  json=$(head -c 65537)
  case $json in '{'*'}') ;; *) refuse "a record is one line of JSON" ;; esac
  case $json in *'
'*) refuse "a record is one line of JSON" ;; esac
  [ ${#json} -le 65536 ] || refuse "a record of more than 64 KB"
  fence "$1"
  line=$(tail -n 1 "$S/history" 2>/dev/null)
  before=${line%% *}
  [ ${#before} -eq 64 ] || before=0000000000000000000000000000000000000000000000000000000000000000
  # Asked again since the answer was lost.
  if [ "${line#* }" != "$json" ]; then
    {
      { [ ! -f "$S/history" ] || cat "$S/history"; } >"$S/history.new" &&
        printf '%s %s\n' "$(sha "$before $json")" "$json" >>"$S/history.new" && mv -f "$S/history.new" "$S/history"
    } || { rm -f "$S/history.new" && die 3 "the history cannot be written: is the disk full?"; }
  fi
  echo end=1
}

# The newest lines that fit in an answer, after the hash that the first of them follows from.
cmd_history() {
  [ ! -f "$S/history" ] || awk '
    { line[NR] = $0 }
    END {
      first = NR + 1
      while (first > 1 && (bytes += length(line[first - 1]) + 9) < 900000) first--
      print "before=" (first > 1 ? substr(line[first - 1], 1, 64) : "0000000000000000000000000000000000000000000000000000000000000000")
      for (n = first; n <= NR; n++) print "history=" line[n]
    }' "$S/history"
  echo end=1
}

cmd_snapshot() {
  is_seq "$1" || refuse "snapshot SEQ"
  for each in "$S/snapshots/$1".*; do
    is_run "${each##*.}" && awk -F'\t' -v seq="$1" 'NF == 4 { print "snap=" seq "|" $1 "|" $2 "|" $3 "|" $4 }' "$each" && echo found=1
  done
  echo end=1
}

cmd_definition() {
  is_definition "$1" || refuse "definition SVC.HASH"
  [ ! -f "$S/definitions/$1" ] || printf 'definition=%s\n' "$(head -n 1 "$S/definitions/$1" | head -c 200000)"
  echo end=1
}

cmd_pin() {
  json=$(head -c 4097)
  case $json in *'
'*) refuse "a pin is one line of JSON" ;; '{'*'}') ;; *) refuse "a pin is one line of JSON" ;; esac
  [ ${#json} -le 4096 ] || refuse "a pin of more than 4 KB"
  fence "$1"
  put_file "$S/pin" "$json" || die 3 "the pin cannot be written: is the disk full?"
  echo end=1
}
cmd_unpin() { fence "$1" && rm -f "$S/pin" && echo end=1; }

# stdin: `<kind> <name>` per line. What anything still uses stays, and the answer says why.
cmd_prune() {
  list=$(head -c 1000000)
  fence "$1"
  used=$(bounded 60 docker ps --all --quiet --no-trunc) || die 3 "docker ps failed"
  # shellcheck disable=SC2086 # numbers in hexadecimal
  used=$([ -z "$used" ] || bounded 60 docker container inspect --format '{{.Image}}
{{.Config.Image}}
{{slice .Name 1}}.{{index .Config.Labels "dev.fairlead.definition"}}
{{slice .Name 1}}.{{index .Config.Labels "dev.fairlead.run"}}
{{range .Mounts}}{{.Source}}
{{end}}' $used) || die 3 "docker inspect failed"
  used=$(printf '%s\n' "$used" | sed 's/^\([a-z][a-z0-9_]*\)\.prev\./\1./')
  printf '%s\n' "$list" | while IFS=' ' read -r kind name; do
    [ -n "$kind" ] || continue
    why=''
    prune_one "$kind" "$name" </dev/null
    if [ -z "$why" ]; then printf 'removed=%s %s\n' "$kind" "$name"; else printf 'kept=%s %s %s\n' "$kind" "$name" "$why"; fi
  done
  echo end=1
}

is_used() { case "
$used
" in *"
$1
"*) why='a container uses it' ;; *) return 1 ;; esac; }

prune_one() {
  case $1 in
    container)
      if ! is_container "$2" || is_svc "$2" || is_svc "${2%.prev}"; then why='it serves, or is what to go back to'
      else
        of=$(bounded 20 docker container inspect --format '{{index .Config.Labels "dev.fairlead.fleet"}}' "$2" 2>/dev/null) || return 0
        if [ "$of" = "$fleet" ]; then deed rm "$2" || why=$(last "$out"); else why='it is not of this fleet'; fi
      fi ;;
    image)
      case $2 in -* | *[!A-Za-z0-9._:/@-]*) why='it is no reference' && return ;; esac
      id=$(bounded 20 docker image inspect --format '{{.Id}}' "$2" 2>/dev/null) || return 0
      is_used "$2" || is_used "$id" || deed image rm "$2" || why=$(last "$out") ;;
    definition) if is_definition "$2"; then is_used "$2" || rm -f "$S/definitions/$2"; else why='no such name'; fi ;;
    file) if is_file "$2"; then is_used "$S/files/$2" || rm -f "$S/files/$2"; else why='no such name'; fi ;;
    good) if is_mark "$2"; then is_used "$2" || rm -f "$S/good/$2"; else why='no such name'; fi ;;
    run)
      if ! is_run "$2"; then why='no such name'
      elif [ "$2" = "$run" ]; then why='it holds the lock'
      elif [ -f "$S/runs/$2/journal" ] && [ ! -e "$S/runs/$2/ended" ]; then why='it is not over'
      else rm -rf "$S/runs/$2"; fi ;;
    snapshot) if is_seq "$2"; then rm -f "$S/snapshots/$2".*; else why='no such name'; fi ;;
    *) why='no such kind' ;;
  esac
}

# Only of this fleet's containers.
cmd_logs() {
  is_container "$1" && is_number "$2" && [ "$2" -le 10000 ] || refuse "logs CONTAINER LINES"
  of=$(bounded 20 docker container inspect --format '{{index .Config.Labels "dev.fairlead.fleet"}}' "$1" 2>/dev/null)
  [ "$of" = "$fleet" ] || die 3 "there is no container $1 of $fleet"
  bounded 30 docker logs --tail "$2" "$1" 2>&1 | tail -c 400000
}
