# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2016,SC2034,SC2154 # variables shared between the parts
# Layers stacked on the root file system: modules for one kernel, and tools.

# Only what the results depend on, so that editing one part does not rebuild
# the other.
MODULE_SOURCES=(drivers include kunit Kbuild Makefile dkms.conf)
TOOL_SOURCES=(tools selftests include drivers packaging Documentation/man Makefile dkms.conf)

# What the compiler made of a file is kept: several trees, and each change to
# one of them, compile mostly the same.
COMPILER_CACHE='export PATH=/usr/lib/ccache:$PATH CCACHE_DIR=/run/ccache CCACHE_MAXSIZE=2G;'

with_compiler_cache() {
	mkdir -p "$CACHE/ccache"
	in_root --bind "$CACHE/ccache:/run/ccache" "$@"
}

dkms_value() {
	sed -n "s/^$1=\"\{0,1\}\([^\"]*\)\"\{0,1\}\$/\1/p" "$SRC/dkms.conf"
}

# Deletions are of temporary files only: a layer just adds.
finish_layer() {
	find "$1/tree" -type c -delete
	rm -rf "$1/work" "$1/tree/tmp" "$1/tree/run"
}

# As on a user's machine: dkms with the stock kernel's headers package.
make_dkms_layer() {
	local out=$1 name version

	name=$(dkms_value PACKAGE_NAME)
	version=$(dkms_value PACKAGE_VERSION)
	[ -n "$name" ] || die "dkms.conf names no package"
	[ -n "$version" ] || die "dkms.conf names no version"
	say "building the modules for $RELEASE with dkms"
	copy_sources "$out/tree/usr/src/$name-$version" "${MODULE_SOURCES[@]}"
	# shellcheck disable=SC2016 # expanded in there
	logged "dkms-$RELEASE" with_compiler_cache --upper "$out" "$ROOT" -- sh -c "$COMPILER_CACHE"'
		show() {
			cat "/var/lib/dkms/$1/$2/build/make.log"
			exit 1
		}
		dkms add "$1/$2" &&
		{ dkms build "$1/$2" -k "$3" || show "$@"; } &&
		dkms install "$1/$2" -k "$3" &&
		grep -h -i -e warning: "/var/lib/dkms/$1/$2/$3/"*/log/make.log
		modinfo -k "$3" -F filename vhost_accel' sh "$name" "$version" "$RELEASE" || exit 1
	finish_layer "$out"
}

# The debug kernel has no package, and gets the KUnit modules as well.
make_debug_layer() {
	local out=$1

	say "building the modules for $RELEASE"
	copy_sources "$out/tree/usr/src/vhost-accel" "${MODULE_SOURCES[@]}"
	# shellcheck disable=SC2016 # expanded in there
	logged "modules-$RELEASE" with_compiler_cache --upper "$out" "${KERNEL_ENTER[@]}" "${KERNEL_LOWER[@]}" \
		--workdir /usr/src/vhost-accel "$ROOT" -- sh -c "$COMPILER_CACHE"'
		make -j"$(nproc)" KDIR="$1" kunit &&
		mkdir -p "/lib/modules/$2/updates" &&
		find . -name "*.ko" -exec cp -t "/lib/modules/$2/updates" {} + &&
		depmod "$2" &&
		rm -rf /usr/src/vhost-accel' sh "$KDIR" "$RELEASE" || exit 1
	finish_layer "$out"
}

# want_modules KERNEL: sets MODULES to the layer, or to nothing while the tree
# has no modules.
want_modules() {
	local make=make_dkms_layer

	MODULES=
	[ -e "$SRC/dkms.conf" ] || return 0
	[ "$1" != debug ] || make=make_debug_layer
	MODULES=$CACHE/modules-$1-$({
		hash_sources "${MODULE_SOURCES[@]}"
		echo "$ROOT_ID $KERNEL_ID $RELEASE"
		declare -f "$make"
	} | hash_text)
	cached "$MODULES" "$make"
	prune 6 "modules-$1-*"
}

make_tools_layer() {
	local out=$1

	say "building tools and test programs"
	copy_sources "$out/tree/build" "${TOOL_SOURCES[@]}"
	# shellcheck disable=SC2016 # expanded in there
	logged tools with_compiler_cache --upper "$out" --workdir /build "$ROOT" -- sh -c "$COMPILER_CACHE"'
		{ [ ! -e tools/Makefile ] || make -j"$(nproc)" install-tools PREFIX=/usr; } &&
		{ [ ! -e selftests/Makefile ] ||
			make -j"$(nproc)" -C selftests O=/usr/lib/vhost-accel/selftests; } &&
		find /usr/lib/vhost-accel -name "*.o" -delete' || exit 1
	rm -rf "$out/tree/build"
	finish_layer "$out"
}

# want_tools: sets TOOLS likewise.
want_tools() {
	TOOLS=
	if [ ! -e "$SRC/tools/Makefile" ] && [ ! -e "$SRC/selftests/Makefile" ]; then
		return 0
	fi
	TOOLS=$CACHE/tools-$({
		hash_sources "${TOOL_SOURCES[@]}"
		echo "$ROOT_ID"
		declare -f make_tools_layer
	} | hash_text)
	cached "$TOOLS" make_tools_layer
	prune 6 "tools-*"
}

# compile KERNEL MAKE-ARGUMENTS...: modules only, in a copy that keeps its
# objects, so that the second time is fast.  Warnings go to the caller.
compile() {
	local kernel=$1 work part lock parts=()

	shift
	for part in "${MODULE_SOURCES[@]}"; do
		[ ! -e "$SRC/$part" ] || parts+=("/src/$part")
	done
	work=$CACHE/compile-$kernel-$(hash_text <<<"$SRC $KERNEL_ID")
	mkdir -p "$work"
	exec {lock}>"$work.lock"
	flock -x "$lock"
	in_root --bind "$work:/build" --ro-bind "$SRC:/src" "$ROOT" -- \
		rsync -a --delete --exclude='*.o' --exclude='*.ko' --exclude='*.mod*' --exclude='.*.cmd' \
		--exclude=Module.symvers --exclude=modules.order --exclude=generated "${parts[@]}" /build/ &&
		with_compiler_cache --bind "$work:/build" "${KERNEL_ENTER[@]}" --workdir /build "$ROOT" -- \
			sh -c "$COMPILER_CACHE"'exec make -s -j"$(nproc)" "$@" modules' sh KDIR="$KDIR" "$@"
}
