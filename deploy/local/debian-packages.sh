#!/bin/sh
# Install the Debian packages named as arguments where they are missing and we may; otherwise say in one
# line what to install. Missing packages never fail the caller: the tests that need them are skipped by name,
# and a courier without its sandbox says so.
set -u
present() {
    case $1 in
        bubblewrap) command -v bwrap ;;
        chromium) command -v chromium || command -v chromium-browser ;;
        postgresql) command -v initdb || ls /usr/lib/postgresql/*/bin/initdb ;;
        *) dpkg -s "$1" ;;
    esac >/dev/null 2>&1
}
missing=""
for package in "$@"; do
    present "$package" || missing="$missing $package"
done
[ -n "$missing" ] || exit 0
become=""
[ "$(id -u)" = 0 ] || become="sudo -n"
if command -v apt-get >/dev/null 2>&1 && $become true 2>/dev/null; then
    echo "Installing the Debian package(s)$missing."
    export DEBIAN_FRONTEND=noninteractive
    if $become apt-get update -qq >/dev/null 2>&1 &&
        $become apt-get install -y -qq --no-install-recommends $missing >/dev/null 2>&1; then
        exit 0
    fi
fi
echo "Missing:$missing. Install with: apt-get install$missing (until then what needs them is left out, and says so)." >&2
exit 0
