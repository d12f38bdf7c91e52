#!/usr/bin/env bash
# Installs what the tests need beyond Rust and a C compiler: real Kafka, MongoDB and MADSci, a real browser and its
# driver, and systemd-analyze, which judges the service's unit. Does nothing where they are already there.
set -euo pipefail

"$(dirname "$0")"/fetch-services.sh

packages=()
if ! command -v chromium > /dev/null || ! command -v chromedriver > /dev/null; then
    packages+=(chromium chromium-driver)
fi
if ! command -v systemd-analyze > /dev/null; then
    packages+=(systemd)
fi
if [ "${#packages[@]}" -eq 0 ]; then
    exit 0
fi
if ! command -v apt-get > /dev/null; then
    echo "The tests need chromium, chromedriver and systemd-analyze: install them with this system's package manager." >&2
    exit 1
fi
as_root=()
if [ "$(id -u)" -ne 0 ]; then
    as_root=(sudo)
fi
echo "Installing ${packages[*]} (Debian packages) for the tests ..."
"${as_root[@]}" apt-get update --quiet=2
"${as_root[@]}" apt-get install --quiet=2 --yes --no-install-recommends "${packages[@]}" > /dev/null
