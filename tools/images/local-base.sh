#!/usr/bin/env bash
# Makes the image that images are built in where no registry can be reached: Debian by debootstrap, with this machine's npm
# and the Node that npm brought. usage: local-base.sh TAG
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
tag=$1
folder=$(mktemp -d)
# Interrupted, debootstrap leaves its /proc mounted there.
tidy() { umount --quiet "$folder"/debian/{sys,proc} || true; rm -rf --one-file-system "$folder"; }
trap tidy EXIT
suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
mirror=$(apt-get indextargets --format '$(REPO_URI)' "Codename: $suite" | head -n 1)
debootstrap --variant=minbase "$suite" "$folder/debian" "$mirror" >"$folder/log" 2>&1 || { tail -n 20 "$folder/log" >&2; exit 1; }
rm -rf "$folder/debian/var/cache/apt" "$folder/debian/var/lib/apt/lists"
mkdir -p "$folder/debian/usr/lib/node_modules"
# Where npm itself is: what it says of its folder depends on the Node that runs it.
cp -a "$(dirname "$(dirname "$(readlink --canonicalize "$(command -v npm)")")")" "$folder/debian/usr/lib/node_modules/npm"
cp "$root"/node_modules/node-linux-*/bin/node "$folder/debian/usr/bin/node"
ln -s ../lib/node_modules/npm/bin/npm-cli.js "$folder/debian/usr/bin/npm"
# npm reaches its registry as it does on this machine.
authority=$(npm config get cafile)
if [ -f "$authority" ]; then
  install -D -m 0644 "$authority" "$folder/debian/etc/npm-authority.pem"
  mkdir -p "$folder/debian/usr/etc"
  echo 'cafile=/etc/npm-authority.pem' > "$folder/debian/usr/etc/npmrc"
fi
container=$(buildah from scratch)
buildah add --quiet "$container" "$folder/debian" / >/dev/null
buildah config --env PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin "$container"
buildah commit --quiet --rm "$container" "$tag" >/dev/null
