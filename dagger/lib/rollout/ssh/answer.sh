# sh -c THIS sh SECONDS BYTES INPUT WORD…: `ssh WORD…` with INPUT on its standard input, for SECONDS at most. Both of its
# outputs are cut off after BYTES. The last line says how it ended: exit code, seconds, 1 where it was cut short.
seconds=$1 most=$2 input=$3
shift 3
ended=$(mktemp) began=$(date +%s)
{
  {
    timeout --kill-after=5 "$seconds" ssh "$@" <"$input" 3>&-
    echo "$? $(($(date +%s) - began))" >"$ended"
  } 2>&1 >&3 | head -c "$most" >&2
} 3>&1 | head -c "$most"
read -r code took <"$ended"
rm -f "$ended"
# The command there may answer 124 as well, but not after this long.
cut=0
case $code in 124 | 137) [ "$took" -lt "$seconds" ] || cut=1 ;; esac
printf '\n%s %s %s\n' "$code" "$took" "$cut"
