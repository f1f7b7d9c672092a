#!/bin/sh
# Installs the peers into bench/.cache, lays out the trees and prints the tables. Arguments go to run.py (--help lists them).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
python3 "$here/../corpus.py"
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null && ! pkg-config --exists libhs 2>/dev/null; then
    { apt-get update && apt-get install -y libvectorscan-dev pkg-config; } >/dev/null 2>&1 ||
        echo "peers: libvectorscan-dev could not be installed; its row says so" >&2
fi
exec python3 "$here/run.py" "$@"
