#!/usr/bin/env bash
# Installs what the tests need beyond Rust and a C compiler: real Kafka, MongoDB and MADSci, a real browser and its
# driver. Does nothing where they are already there.
set -euo pipefail

"$(dirname "$0")"/fetch-services.sh

if command -v chromium > /dev/null && command -v chromedriver > /dev/null; then
    exit 0
fi
if ! command -v apt-get > /dev/null; then
    echo "The browser test needs chromium and chromedriver: install both with this system's package manager." >&2
    exit 1
fi
as_root=()
if [ "$(id -u)" -ne 0 ]; then
    as_root=(sudo)
fi
echo "Installing chromium and chromium-driver (Debian packages) for the browser test ..."
"${as_root[@]}" apt-get update --quiet=2
"${as_root[@]}" apt-get install --quiet=2 --yes --no-install-recommends chromium chromium-driver > /dev/null
