# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034,SC2154 # variables shared between the parts
# Messages, privileges, hashing and the cache.  Sourced by scripts/testbed.

CACHE=${VHOST_ACCEL_CACHE:-/var/cache/vhost-accel}

say() {
	printf 'testbed: %s\n' "$*" >&2
}

die() {
	say "error: $*"
	exit 1
}

# become_root ARGS...: continue as root, or say what is missing.
become_root() {
	[ "$(id -u)" = 0 ] && return
	if sudo -n true 2>/dev/null; then
		exec sudo -n VHOST_ACCEL_CACHE="$CACHE" \
			VHOST_ACCEL_MIRROR="${VHOST_ACCEL_MIRROR:-}" \
			"$0" "$@"
	fi
	die "needs root (mounts and chroots): run it as root or allow sudo without a password"
}

# need_space GIB WHAT: refuse early; a full disk half-way explains itself badly.
need_space() {
	local free

	mkdir -p "$CACHE" || die "cannot create the cache directory $CACHE"
	free=$(df --output=avail -k "$CACHE" | tail -n 1)
	[ "$free" -ge $(($1 * 1024 * 1024)) ] ||
		die "$2 needs $1 GiB free in $CACHE, only $((free / 1024 / 1024)) GiB left"
}

hash_text() {
	sha256sum | cut -c 1-12
}

# list_sources PATH...: what is source in these parts of the tree, relative
# to it.  Build products of an in-tree make must neither change a hash nor
# reach another kernel's build.
list_sources() {
	local path found=()

	for path; do
		[ -e "$SRC/$path" ] && found+=("$path")
	done
	[ ${#found[@]} -gt 0 ] || return 0
	(cd "$SRC" && find "${found[@]}" -type f \
		! -name '*.o' ! -name '*.ko' ! -name '*.a' ! -name '*.mod' \
		! -name '*.mod.c' ! -name '.*.cmd' ! -name '*.d' ! -name '*.swp' \
		! -name 'Module.symvers' ! -name 'modules.order' \
		! -name '*.symversions' ! -path '*/.tmp_*' ! -path '*/build/*' ! -path '*/__pycache__/*' |
		LC_ALL=C sort)
}

# hash_sources PATH...: a name for the contents and modes of these sources.
hash_sources() {
	local list

	list=$(list_sources "$@")
	{
		[ -z "$list" ] || (cd "$SRC" &&
			tr '\n' '\0' <<<"$list" | xargs -0 stat -c '%n %a' &&
			tr '\n' '\0' <<<"$list" | xargs -0 cat)
	} | hash_text
}

# copy_sources DEST PATH...
copy_sources() {
	local dest=$1

	shift
	mkdir -p "$dest"
	list_sources "$@" | tar -C "$SRC" -c -T - | tar -C "$dest" -x --no-same-owner
}

# logged NAME COMMAND...: output goes to a log that is shown on failure only;
# where the network is the reason, its last line says all there is to say.
logged() {
	LOG=$CACHE/log/${BUILDING:+$BUILDING-}$1.log
	shift
	mkdir -p "$CACHE/log"
	find "$CACHE/log" -name '*.log' -mtime +7 -delete
	"$@" >"$LOG" 2>&1 </dev/null && return
	if grep -q -E 'Could not (resolve|connect)|Unable to (connect|fetch)|Failed to fetch' "$LOG"; then
		die "the package mirror cannot be reached: $(grep -E '^(Err|E:)' "$LOG" | head -n 1); see $LOG"
	fi
	say "failed; the end of $LOG:"
	tail -n 60 "$LOG" >&2
	return 1
}

# cached DIR FUNCTION ARGS...: make DIR by "FUNCTION ARGS... TMPDIR" unless it
# exists.  The lock makes concurrent callers wait for one build; the rename
# makes an interrupted one invisible.  A shared lock is then held until this
# process and its children end, so that nobody prunes what is in use.
cached() {
	local dir=$1 lock rc

	shift
	mkdir -p "$CACHE"
	while :; do
		exec {lock}>"$dir.lock"
		flock -s "$lock"
		if [ -d "$dir" ]; then
			touch "$dir"
			return
		fi
		flock -u "$lock"
		flock -x "$lock"
		if [ ! -d "$dir" ] && [ "$dir.lock" -ef "/proc/self/fd/$lock" ]; then
			rm -rf "$dir.tmp"
			mkdir -p "$dir.tmp"
			rc=0
			(
				BUILDING=${dir##*/}
				"$@" "$dir.tmp"
			) || rc=$?
			[ $rc = 0 ] || exit $rc
			mv "$dir.tmp" "$dir"
		fi
		exec {lock}>&-
	done
}

# prune KEEP GLOB: drop all but the newest KEEP of these cached directories.
prune() {
	local keep=$1 dir fd

	# shellcheck disable=SC2010,SC2012,SC2086 # names are ours, the glob is meant
	ls -dt $CACHE/$2 2>/dev/null | grep -v -e '\.lock$' -e '\.tmp$' |
		tail -n +$((keep + 1)) | while read -r dir; do
		exec {fd}>"$dir.lock"
		if flock -n -x "$fd"; then
			rm -rf "$dir" "$dir.tmp" "$dir.lock"
		fi
		exec {fd}>&-
	done
}

# in_root OPTIONS ROOT -- COMMAND...: see scripts/lib/enter.  The PID name
# space takes everything COMMAND leaves behind down with it.
in_root() {
	unshare --mount --pid --fork --kill-child --propagation private \
		"$SRC/scripts/lib/enter" "$@"
}
