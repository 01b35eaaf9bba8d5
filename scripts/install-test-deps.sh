#!/bin/sh
# Installs what the tests need from Debian and Ubuntu. Does nothing when all of it is there.
set -eu
packages="bubblewrap gcc libc6-dev libseccomp-dev util-linux iproute2 curl make git python3 openssl openssh-client openssh-server nginx caddy chromium systemd dbus dbus-user-session procps tmux zbar-tools groff-base zsh fish"
missing=""
for package in $packages; do
  dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
done
[ -n "$missing" ] || exit 0
if [ "$(id -u)" != 0 ]; then
  echo "error: the tests need these packages:$missing" >&2
  echo "hint: sudo apt-get install$missing" >&2
  exit 1
fi
apt-get update -qq
# Unquoted: one argument a package.
# shellcheck disable=SC2086
DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing
