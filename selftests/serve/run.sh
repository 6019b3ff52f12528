#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Tests vhost-accel serve with front ends, well and badly behaved. For the host
# VM of scripts/testbed: needs root, the module, the command, and the programs,
# which are looked for where make and the testbed put them.
set -eu

HERE=$(cd "$(dirname "$(readlink -f "$0")")" && pwd)

for BUILD in "$HERE/../build" "$HERE/../../build" /usr/lib/vhost-accel/selftests; do
	[ ! -x "$BUILD/serve/protocol" ] || break
done
exec "$HERE/../run.sh" --build "$BUILD" "$@" serve/protocol serve/malformed \
	serve/program serve/can serve/video serve/vsock serve/coder
