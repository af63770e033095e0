#!/usr/bin/env bash
# Installs Mesa's software Vulkan driver (lavapipe) from Debian's backports: Debian 12's own 22.3 is refused
# by Dawn. With it come RADV and Vulkan's headers, for `lobule bench isa`. Needs root and a Debian mirror. Exits non-zero, changing nothing else, where that is not to be had.
set -euo pipefail
suite=bookworm-backports

grep -q '^VERSION_CODENAME=bookworm' /etc/os-release || { echo "install-lavapipe: this is not Debian 12 (bookworm); install Mesa 24 or newer with your own package manager" >&2; exit 1; }
[ "$(id -u)" = 0 ] || { echo "install-lavapipe: needs root (try sudo)" >&2; exit 1; }

# The mirror that this machine already uses for its main suite also carries backports.
mirror=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages' | awk '$2 ~ /^bookworm/ && $2 !~ /security|backports/ {print $1; exit}')
[ -n "$mirror" ] || { echo "install-lavapipe: no Debian mirror is configured" >&2; exit 1; }
list=/etc/apt/sources.list.d/lobule-backports.sources
printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: main\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg\n' "$mirror" "$suite" > "$list"
trap '[ $? = 0 ] || rm -f "$list"' EXIT
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends -t "$suite" mesa-vulkan-drivers libvulkan1 libvulkan-dev > /dev/null
