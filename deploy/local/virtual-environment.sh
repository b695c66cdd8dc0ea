#!/bin/sh
# Make the virtual environment $1 with Python 3.11, or say in one line what is missing.
set -eu
venv=$1
python=""
for name in python3.11 python3 python; do
    if "$name" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null; then
        python=$name
        break
    fi
done
if [ -z "$python" ]; then
    echo "Altrove needs Python 3.11: install it (Debian: apt-get install python3.11 python3.11-venv), then run make again." >&2
    exit 1
fi
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    sh "$(dirname "$0")/debian-packages.sh" python3.11-venv
fi
echo "Making $venv with $("$python" --version)."
if ! "$python" -m venv "$venv"; then
    echo "$python cannot make a virtual environment: install its venv module (Debian: apt-get install python3.11-venv), then run make again." >&2
    rm -rf "$venv"
    exit 1
fi
