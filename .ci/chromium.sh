#!/bin/sh
# The browser tests need Chromium; Debian's is enough. Does nothing where one is installed.
set -e
command -v chromium >/dev/null 2>&1 || [ -n "$CHROMIUM" ] && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null
else
    echo "Chromium is needed for the browser tests: install it (Debian: apt-get install chromium)," >&2
    echo "or set CHROMIUM to the path of one." >&2
    exit 1
fi
