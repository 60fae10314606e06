#!/usr/bin/env bash
# System packages and node_modules, when they are not there yet. Quiet when nothing is to do. usage: setup.sh [images]
set -euo pipefail
cd "$(dirname "$0")/.."

packages=(bird2 frr gobgpd exabgp openbgpd tshark tcpdump nftables conntrack iputils-arping iputils-ping ndisc6 iproute2 procps curl openssl jq bubblewrap libpcap-dev g++ make python3)

[ "${1:-}" = images ] && packages+=(buildah crun debootstrap)

missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done

if [ ${#missing[@]} -gt 0 ]; then
  if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "not installed, and not mine to install: ${missing[*]} (what needs them is skipped and says so)" >&2
  else
    echo "installing ${missing[*]}" >&2
    # Routers run inside the lab's namespaces only: nothing may start them for the whole machine.
    guard=/usr/sbin/policy-rc.d
    if [ ! -e "$guard" ]; then
      printf '#!/bin/sh\nexit 101\n' > "$guard" && chmod +x "$guard"
      trap 'rm -f "$guard"' EXIT
    fi
    log=$(mktemp)
    if ! (apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}") >"$log" 2>&1; then
      tail -n 20 "$log" >&2
      exit 1
    fi
    rm -f "$log"
  fi
fi

stamp=node_modules/.installed
wanted=$(sha256sum package-lock.json)
if [ ! -x node_modules/.bin/node ] || [ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ]; then
  echo "npm ci" >&2
  log=$(mktemp)
  if ! npm ci --no-audit --no-fund --loglevel=error >"$log" 2>&1; then
    tail -n 30 "$log" >&2
    exit 1
  fi
  # The back end through libpcap is compiled for the Node that runs it; where that fails, what needs it is skipped and says so.
  headers=$(echo "$PWD"/node_modules/node-linux-*/)
  if ! PATH=$PWD/node_modules/.bin:$PATH npm rebuild cap --ignore-scripts=false --nodedir="${headers%/}" >"$log" 2>&1; then
    echo "cap was not compiled:" >&2
    tail -n 5 "$log" >&2
  fi
  rm -f "$log"
  echo "$wanted" > "$stamp"
fi
