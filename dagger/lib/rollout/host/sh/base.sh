#!/bin/sh
# What a host does by itself for a rollout. Run as `sh host-<sha>.sh FLEET COMMAND …`; the deployer joins the parts (script.ts) and sends them.
# POSIX sh only (dash, busybox). Nothing is ever evaluated: every name is held against a pattern, commands get words.
# Exit codes: 64 refused input, 74 fenced (another run took over), 75 the lock or the one job is somebody else's, 3 anything else.
set -u
umask 077
LC_ALL=C
PATH=$PATH:/usr/local/bin:/usr/local/sbin:/usr/sbin:/sbin
export LC_ALL PATH
tab=$(printf '\t')

die() { code=$1 && shift && printf '%s\n' "$*" >&2 && exit "$code"; }
refuse() { die 64 "refused: $1"; }
has() { command -v "$1" >/dev/null 2>&1; }
nap() { sleep "$1" 2>/dev/null || sleep 1; }
# A Docker that stands still must not hold everything up.
bounded() { if has timeout; then timeout "$@"; else shift && "$@"; fi; }

# In case patterns a newline is a character like any other, so that `[!a-z]` finds it.
is_run() { case $1 in [0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f]) ;; *) return 1 ;; esac; }
is_hash() { case $1 in *[!0-9a-f]*) return 1 ;; esac; [ ${#1} -eq 12 ]; }
is_svc() { case $1 in '' | [!a-z]* | *[!a-z0-9_]*) return 1 ;; esac; [ ${#1} -le 63 ]; }
is_label() { case $1 in '' | [!a-z0-9]* | *[!a-z0-9-]*) return 1 ;; esac; [ ${#1} -le 63 ]; }
is_number() { case $1 in '' | *[!0-9]* | 0?*) return 1 ;; esac; [ ${#1} -le 9 ]; }
is_word() { case $1 in '' | [!A-Za-z0-9_]* | *[!A-Za-z0-9_.@+-]*) return 1 ;; esac; [ ${#1} -le 128 ]; }
is_mark() { is_svc "${1%.*}" && is_run "${1##*.}"; }
is_definition() { is_svc "${1%.*}" && is_hash "${1##*.}"; }
is_file() { case $1 in *.json) is_hash "${1%.json}" ;; *) return 1 ;; esac; }
is_seq() { case $1 in [0-9][0-9][0-9][0-9][0-9][0-9]) ;; *) return 1 ;; esac; }
# A container of a fleet: svc, svc.prev, svc.<run> (made), svc-<run> (failed, kept).
is_container() {
  case $1 in
    *.prev) is_svc "${1%.prev}" ;;
    *.*) is_mark "$1" ;;
    *-*) is_svc "${1%-*}" && is_run "${1##*-}" ;;
    *) is_svc "$1" ;;
  esac
}

# Time is what the kernel counts since it started: a clock that is wrong, or set meanwhile, changes nothing.
boot=$(cat /proc/sys/kernel/random/boot_id 2>/dev/null || echo none)
tick() { read -r now_ _ </proc/uptime && now=${now_%%.*} && cs=$((now * 100 + 1${now_#*.} - 100)); }
stamp() { date -u +%Y-%m-%dT%H:%M:%SZ; }
# Text of others as one line without anything that steers a terminal.
clean() { printf '%s\n' "$1" | redact | tr '\n\r\t' '   ' | tr -d '\000-\037\177' | cut -c 1-300 | sed 's/ *$//'; }
# What a container printed, without what steers a terminal and without what looks like a secret (deploy/redact.ts): it is
# kept for whoever looks into a failure, and may end up in a ticket.
esc=$(printf '\033') bel=$(printf '\007')
redact() {
  sed -E -e "s/$esc\\][^$bel$esc]*($bel|$esc\\\\)?//g" -e "s|$esc\\[[0-?]*[ -/]*[@-~]||g" |
    tr -d '\000-\010\013\014\016-\037\177' |
    sed -E -e '/-----BEGIN [A-Z ]*PRIVATE KEY-----/,/-----END [A-Z ]*PRIVATE KEY-----/s/.*/[hidden]/' \
      -e "s/((password|passwd|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|credential|authorization|cookie)[A-Za-z0-9_-]{0,30}[\"']{0,2}[[:space:]]*[:=][[:space:]]*((Bearer|Basic)[[:space:]]+)?)(\"[^\"]*\"?|'[^']*'?|[^][:space:],;&\"'}]+)/\1[hidden]/Ig" \
      -e 's/(^|[^A-Za-z0-9_])(Bearer|Basic)[[:space:]]+[A-Za-z0-9._~+\/=-]{6,}/\1\2 [hidden]/Ig' \
      -e 's/(:\/\/[^[:space:]\/:@]{1,200}):[^[:space:]\/@]{1,500}@/\1:[hidden]@/g' \
      -e 's/(^|[^A-Za-z0-9_])(gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|glpat-[A-Za-z0-9_-]{16,}|AKIA[0-9A-Z]{16}|xox[abprs]-[A-Za-z0-9_-]{10,}|AIza[A-Za-z0-9_-]{30,}|hf_[A-Za-z0-9]{20,}|sk-[A-Za-z0-9_-]{20,}|eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+)/\1[hidden]/g'
}
last() { clean "$(printf '%s\n' "$1" | grep -v '^ *$' | tail -n 1)"; }

# Written aside and renamed: whoever reads sees all of it or what was before. On a full disk the spare room is given up once.
put_file() {
  { printf '%s\n' "$2" >"$1.$$" && mv -f "$1.$$" "$1"; } 2>/dev/null && return 0
  rm -f "$S/spare"
  { printf '%s\n' "$2" >"$1.$$" && mv -f "$1.$$" "$1"; } 2>/dev/null && return 0
  rm -f "$1.$$"
  return 1
}
spare() { [ -s "$S/spare" ] || head -c 262144 /dev/zero >"$S/spare" 2>/dev/null || rm -f "$S/spare"; }

# One at a time from here on, until this process ends or calls `mutex_end`.
mutex() {
  tries=0
  if has flock; then
    : >>"$S/mutex" || die 3 "cannot write to $S"
    exec 9>>"$S/mutex"
    until flock -n 9; do another_try; done
  else
    until mkdir "$S/mutex.d" 2>/dev/null; do
      # Its maker was killed: so is what it did.
      owner=$(cat "$S/mutex.d/pid" 2>/dev/null || echo 0)
      if is_number "$owner" && [ "$owner" -gt 0 ] && ! kill -0 "$owner" 2>/dev/null; then rm -rf "$S/mutex.d"; fi
      if [ "$tries" -gt 100 ] && [ "$owner" = 0 ]; then rm -rf "$S/mutex.d"; fi
      another_try
    done
    echo $$ >"$S/mutex.d/pid"
    trap 'rm -rf "$S/mutex.d"' EXIT
  fi
}
another_try() {
  tries=$((tries + 1))
  [ "$tries" -le 250 ] || { echo busy=1 && exit 75; }
  nap 0.1
}
mutex_end() { if has flock; then exec 9>&-; else rm -rf "$S/mutex.d" && trap - EXIT; fi; }
