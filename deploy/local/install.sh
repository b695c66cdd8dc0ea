#!/bin/sh
# Install this tree into the virtual environment $1 with the extras $3 and leave the stamp file .stamp-$2.
set -eu
venv=$1
stamp=$venv/.stamp-$2
extras=$3
sum=$(cat pyproject.toml constraints.txt | cksum)
if [ "$(cat "$stamp" 2>/dev/null)" = "$sum" ]; then
    touch "$stamp"
    exit 0
fi
log=$venv/install-$2.log
echo "Installing Altrove and what it stands on into $venv (a minute or two; log in $log)."
if ! "$venv/bin/python" -m pip install --no-input --constraint constraints.txt --editable ".[$extras]" >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    echo "The installation failed; the lines above and $log say why. Check the network or the package index, then run make again." >&2
    exit 1
fi
echo "$sum" >"$stamp"
