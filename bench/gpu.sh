#!/bin/sh
# Measures all that is to be known of a GPU which is at hand for minutes: bench/README.md says what. In the archive that
# `npm run bundle` makes it lies beside the command; in the repository it runs what was built.
here=$(CDPATH= cd -- "$(dirname -- "$(readlink -f -- "$0")")" && pwd)
if [ -x "$here/lobule" ]; then
  exec "$here/lobule" bench-gpu "$@"
fi
exec node "$here/../packages/lobule/bin/lobule.js" bench-gpu "$@"
