#!/bin/sh
# Copies what Node needs of Debian to a folder: the libraries with their copyright, users, and what scanners read.
set -eu
target=$1
mkdir -p "$target/var/lib/dpkg/status.d" "$target/etc"
for package in libc6 libgcc-s1 libstdc++6 $(dpkg-query --show --showformat='${Package} ' "gcc-*-base"); do
  dpkg-query --status "$package" > "$target/var/lib/dpkg/status.d/$package"
  dpkg-query --listfiles "$package" |
    grep -E '^/(lib|lib64)/|^/usr/lib/[^/]*/libstdc\+\+|^/usr/share/doc/[^/]*(/copyright)?$' |
    grep -v -E '/(gconv|audit)/' |
    while read -r path; do [ -d "$path" ] && [ ! -L "$path" ] || echo "${path#/}"; done |
    tar --create --directory=/ --files-from=- | tar --extract --directory="$target"
done
printf 'root:x:0:0:root:/:/sbin/nologin\nnobody:x:65534:65534:nobody:/:/sbin/nologin\n' > "$target/etc/passwd"
printf 'root:x:0:\nnogroup:x:65534:\n' > "$target/etc/group"
