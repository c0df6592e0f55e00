# What preflight wants to know of a host, one NAME=VALUE per line. Run as `sh -s -- FLEET REGISTRY_HOST CUDA_CALL MIRROR`;
# changes nothing. No REGISTRY_HOST or MIRROR, no question to it; no CUDA_CALL (Python), no container that uses the GPU for a moment.
# Every value is one line of at most 300 bytes. facts.ts reads it.
set -u
LC_ALL=C
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin:/usr/lib/wsl/lib
export LC_ALL PATH
fleet=$1
registry=$2
cuda_call=${3:-}
mirror=${4:-}

fact() { printf '%s=%s\n' "$1" "$(printf '%s' "$2" | tr '\n\r\t' '   ' | cut -c 1-300)"; }
facts() { head -n 3000 | cut -c 1-300 | while IFS= read -r each; do [ -z "$each" ] || printf '%s=%s\n' "$1" "$each"; done; }
has() { command -v "$1" >/dev/null 2>&1; }
# A Docker that stands still must not hold everything up.
bounded() { if has timeout; then timeout 15 "$@"; else "$@"; fi; }

echo fairlead-preflight=1
fact user "$(id -un)"
# Source of the names: org.freedesktop.login1(5). "b true" and 'as 2 "root" "anna"' are how busctl writes them.
if has busctl; then
  manager='org.freedesktop.login1 /org/freedesktop/login1 org.freedesktop.login1.Manager'
  # shellcheck disable=SC2086 # Three words.
  ends=$(bounded busctl get-property $manager KillUserProcesses 2>/dev/null) && [ "$ends" = 'b true' ] &&
    fact logind-ends "$(bounded busctl get-property $manager KillExcludeUsers 2>/dev/null)"
fi
grep -qi microsoft /proc/sys/kernel/osrelease 2>/dev/null && fact wsl yes
if [ -f /etc/fairlead-demo/host.json ]; then fact demo yes; fi

root=
images=
if ! has docker; then
  fact docker-error 'there is no docker command'
elif version=$(bounded docker version --format '{{.Server.Version}}' 2>&1); then
  fact docker "$version"
  fact compose "$(bounded docker compose version --short 2>/dev/null)"
  root=$(bounded docker info --format '{{.DockerRootDir}}' 2>/dev/null)
  if bounded docker info --format '{{json .DriverStatus}}' 2>/dev/null | grep -q io.containerd.snapshotter; then
    fact store containerd
    # A containerd of the system's own keeps the images, not Docker's folder.
    [ -S /run/containerd/containerd.sock ] && [ -d /var/lib/containerd ] && images=/var/lib/containerd
  else
    fact store classic
  fi
  bounded docker image ls --all --digests --no-trunc --format '{{.Digest}}' 2>/dev/null | grep '^sha256:' | sort -u | facts image
  bounded docker ps --all --no-trunc --format '{{.Names}}|{{.State}}|{{.Ports}}|{{.Label "dev.fairlead.fleet"}}|{{.Label "dev.fairlead.service"}}' 2>/dev/null | facts container
  bounded docker ps --all --quiet --filter "label=dev.fairlead.fleet=$fleet" 2>/dev/null | head -n 3000 | while IFS= read -r id; do
    image=$(bounded docker inspect --format '{{.Image}}' "$id" 2>/dev/null) || continue
    service=$(bounded docker inspect --format '{{index .Config.Labels "dev.fairlead.service"}}' "$id" 2>/dev/null)
    if bounded docker image inspect "$image" >/dev/null 2>&1; then state=present; else state=gone; fi
    ref=$(bounded docker inspect --format '{{.Config.Image}}' "$id" 2>/dev/null)
    fact back "$state|$image|$ref|$service"
  done
  # What was good together after the last rollout: the newest snapshot of the host's own runner.
  snapshot=$(ls "${HOME:-}/.fairlead/$fleet/snapshots" 2>/dev/null | grep -E '^[0-9]{6}\.[0-9a-f]{6}$' | sort | tail -n 1)
  [ -z "$snapshot" ] || awk -F'\t' 'NF == 4 { print $3 }' "$HOME/.fairlead/$fleet/snapshots/$snapshot" 2>/dev/null |
    grep -E '^[A-Za-z0-9][A-Za-z0-9._:/@-]*$' | sort -u | head -n 1000 | while IFS= read -r ref; do
    if bounded docker image inspect "$ref" >/dev/null 2>&1; then state=present; else state=gone; fi
    fact deployed "$state|$ref"
  done
else
  fact docker-error "$version"
fi

# Kilobytes free for a plain user where images go.
folder=${images:-$root}
[ -z "$folder" ] || fact disk "$(df -P -k -- "$folder" 2>/dev/null | awk 'NR == 2 { print $4 }')|$folder"

if has nvidia-smi; then
  if gpus=$(bounded nvidia-smi --query-gpu=driver_version,name --format=csv,noheader 2>&1); then
    printf '%s\n' "$gpus" | facts gpu
  else
    fact gpu-error "$gpus"
  fi
else
  fact gpu-error 'there is no nvidia-smi command'
fi
for each in nvidia-container-runtime-hook nvidia-container-runtime nvidia-ctk; do
  has $each && fact toolkit "$each" && break
done

# nvidia-smi tells what the host has; whether a container can use it, only a call in one tells. Images are not pulled for it.
if [ -n "$cuda_call" ] && [ -n "${gpus:-}" ] && [ ! -f /etc/fairlead-demo/host.json ] && [ -n "$root" ]; then
  image=$(bounded docker image ls --quiet --filter "label=dev.fairlead.fleet=$fleet" 2>/dev/null | head -n 1)
  if [ -n "$image" ]; then
    # The first call after a start of the machine takes many seconds.
    if has timeout; then within="timeout 60"; else within=; fi
    fact cuda "$($within docker run --rm --gpus all --network none --entrypoint python "$image" -c "$cuda_call" 2>&1 | tail -n 1)"
  fi
fi

ls /dev/snd/controlC* >/dev/null 2>&1 && fact sound snd
[ -S /mnt/wslg/PulseServer ] && fact sound pulse

# The ports, in hexadecimal, on which something listens: state 0A of the kernel's table.
cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | awk '$4 == "0A" { n = split($2, at, ":"); print at[n] }' | sort -u | facts listens

# The HTTP status of an address, 000 for no answer.
answer_of() {
  if has curl; then
    curl --silent --output /dev/null --max-time 10 --write-out '%{http_code}' -- "$1" 2>/dev/null
  elif has python3; then
    python3 -ISc 'import sys, urllib.request, urllib.error
try: print(urllib.request.urlopen(sys.argv[1], timeout=10).status)
except urllib.error.HTTPError as error: print(error.code)
except Exception: print("000")' "$1" 2>/dev/null
  else
    echo unasked
  fi
}
if [ -n "$registry" ]; then
  grep -qF "\"$registry\"" "${DOCKER_CONFIG:-${HOME:-}/.docker}/config.json" 2>/dev/null && fact login yes
  fact registry "$(answer_of "https://$registry/v2/")"
fi
if [ -n "$mirror" ]; then
  status=$(answer_of "https://$mirror/v2/")
  fact mirror "$status"
  [ "$status" != 000 ] || fact mirror-plain "$(answer_of "http://$mirror/v2/")"
fi
echo end=1
