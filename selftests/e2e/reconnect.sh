# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2046,SC2154 # lists of words, shared names
# The server is killed while the guest writes, and comes back: the guest
# notices a pause and nothing else.

still_writing() {
	said reconnect writing && ! said reconnect 'result verified'
}

test_reconnect() {
	local round input

	memory_disk e2ereconnect 64
	check reconnect.serve serve reconnect --device /dev/e2ereconnect
	rm -f "$WORK/enough"
	mkfifo "$WORK/enough"
	exec {input}<>"$WORK/enough"
	guest reconnect --timeout 400 --input "$WORK/enough" "$E2E/reconnect-guest.sh" \
		$(disk reconnect num-queues=1 reconnect-ms=200)
	check reconnect.begun wait_for 120 said reconnect writing
	for round in 1 2 3; do
		sleep "$((1 + RANDOM % 2)).$((RANDOM % 10))"
		check "reconnect.during.$round" still_writing
		stop_serve reconnect KILL 2>/dev/null
		check "reconnect.again.$round" serve reconnect --device /dev/e2ereconnect
	done
	echo enough >&"$input"
	wait "$GUEST"
	test_result $? reconnect.guest
	exec {input}>&-
	check reconnect.verify said reconnect 'result verified'
	explain reconnect
	stop_serve reconnect 2>/dev/null
	remove_memory_disk e2ereconnect
}
