#!/bin/sh
# Lets Node compile a program once, as the user that will run it, and keep the result beside it: an image's root is read-only.
set -eu
program=$1 uid=$2
folder=/app/$program/compiled
install -d -o "$uid" -g "$uid" "$folder"
for file in /app/"$program"/*.js; do
  case $file in */main.js) set -- "$file" --help ;; *) set -- --input-type=module --eval "await import('$file').catch(() => {})" ;; esac
  NODE_COMPILE_CACHE=$folder setpriv --reuid="$uid" --regid="$uid" --clear-groups /app/node "$@" >/dev/null
done
chown -R 0:0 "$folder"
chmod -R a+rX "$folder"
test -n "$(find "$folder" -type f)"
