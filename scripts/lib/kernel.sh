# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034,SC2154 # variables shared between the parts
# The debug kernel: Debian's source package with our own configuration.

fetch_source() {
	local series=$1 out=$2

	need_space 2 "the kernel source"
	say "downloading the source of kernel $series (170 MB)"
	logged source in_root --upper "$out/overlay" --network "$ROOT" -- \
		sh -c "apt-get update && cd /root && apt-get download linux-source-$series" ||
		die "cannot download linux-source-$series"
	mv "$out"/overlay/tree/root/linux-source-*.deb "$out"
	rm -rf "$out/overlay"
}

# want_source SERIES: sets SOURCE_DEB to its package, which is in a directory of its own.
want_source() {
	local source=$CACHE/source-$ROOT_ID

	[ "$1" = "$SOURCE_SERIES" ] || source=$CACHE/source-$1-$ROOT_ID
	cached "$source" fetch_source "$1"
	SOURCE_DEB=$(ls "$source"/linux-source-*.deb)
}

kernel_config() {
	cat "$SRC/scripts/kernel/base.config" "$SRC/scripts/kernel/debug.config"
}

# An option that silently went away is a test that silently tests nothing.
check_config() {
	local name value got lost=

	while IFS='=' read -r name value; do
		case $name in
		CONFIG_*) ;;
		*) continue ;;
		esac
		got=$(sed -n "s/^$name=//p" "$1/.config")
		[ "${got:-n}" = "$value" ] || lost="$lost $name"
	done <"$1/testbed.config"
	[ -z "$lost" ] || die "this kernel does not take these options as asked:$lost"
}

make_debug_kernel() {
	local deb=$1 out=$2

	need_space 6 "the debug kernel"
	say "building the debug kernel (half an hour on two cores)"
	mkdir -p "$out/build"
	kernel_config >"$out/build/testbed.config"
	logged kernel-unpack in_root --bind "$out/build:/usr/src/linux-debug" \
		--ro-bind "$(dirname "$deb"):/src" "$ROOT" -- sh -c '
			dpkg-deb --fsys-tarfile /src/*.deb | tar -x -O --wildcards "*/linux-source-*.tar.xz" |
				tar -x -J --strip-components=1 -C /usr/src/linux-debug &&
			cd /usr/src/linux-debug &&
			KCONFIG_ALLCONFIG=testbed.config make -s allnoconfig' || exit 1
	check_config "$out/build"
	# shellcheck disable=SC2016 # expanded in there
	logged kernel in_root --bind "$out/build:/usr/src/linux-debug" --workdir /usr/src/linux-debug "$ROOT" -- \
		sh -c 'nice make -s -j"$(nproc)" bzImage modules' || exit 1
	finish_debug_kernel "$out"
}

# The kernel tree's own tests of AF_VSOCK, for host VMs and guests alike.
make_vsock_tests() {
	local deb=$1 out=$2

	say "building the kernel's tests of AF_VSOCK"
	mkdir -p "$out/tree"
	# shellcheck disable=SC2016 # expanded in there
	logged vsock-tests in_root --bind "$out/tree:/build" --ro-bind "$(dirname "$deb"):/src" \
		--workdir /build "$ROOT" -- sh -e -c '
		mkdir source
		dpkg-deb --fsys-tarfile /src/*.deb | tar -x -O --wildcards "*/linux-source-*.tar.xz" |
			tar -x -J --strip-components=1 -C source --wildcards \
				"*/tools/testing/vsock/*" "*/tools/include/*"
		cd source/tools/testing/vsock
		# How long they wait for each other, which on an emulated machine is not
		# how long it takes.
		sed -i "s/TIMEOUT = 10/TIMEOUT = 60/" timeout.h
		sed -i "s/OVERHEAD_NSEC 250000000 .*/OVERHEAD_NSEC 2000000000/" vsock_test.c
		grep -q "TIMEOUT = 60" timeout.h
		grep -q "OVERHEAD_NSEC 2000000000" vsock_test.c
		cd /build
		make -s -C source/tools/testing/vsock all
		for name in vsock_test vsock_diag_test vsock_uring_test vsock_perf; do
			mv "source/tools/testing/vsock/$name" .
		done
		rm -r source' || exit 1
}

# want_vsock_tests: sets VSOCK_TESTS to the directory they are in.
want_vsock_tests() {
	local dir

	want_source "$SOURCE_SERIES"
	dir=$CACHE/vsock-tests-$({
		echo "$ROOT_ID ${SOURCE_DEB##*/}"
		declare -f make_vsock_tests
	} | hash_text)
	cached "$dir" make_vsock_tests "$SOURCE_DEB"
	prune 2 "vsock-tests-*"
	VSOCK_TESTS=$dir/tree
}

# What boots is kept apart from what modules are compiled against.
finish_debug_kernel() {
	local out=$1

	mkdir -p "$out/tree"
	# shellcheck disable=SC2016 # expanded in there
	logged kernel-install in_root --bind "$out/build:/usr/src/linux-debug" --bind "$out/tree:/build" \
		--workdir /usr/src/linux-debug "$ROOT" -- sh -c '
			make -s modules_install INSTALL_MOD_PATH=/build/usr &&
			mkdir -p /build/boot &&
			cp "$(make -s image_name)" "/build/boot/vmlinuz-$(make -s kernelrelease)" &&
			find . -name "*.o" ! -path "./scripts/*" ! -path "./tools/*" -delete' || exit 1
}

# want_debug_kernel: sets DEBUG_KERNEL.
want_debug_kernel() {
	want_source "$SOURCE_SERIES"
	DEBUG_KERNEL=$CACHE/linux-debug-$({
		basename "$SOURCE_DEB"
		kernel_config
		ls "$ROOT"/usr/bin/x86_64-linux-gnu-gcc-[0-9]*
	} | sed "s|$ROOT||" | hash_text)
	cached "$DEBUG_KERNEL" make_debug_kernel "$SOURCE_DEB"
	prune 2 "linux-debug-*"
	prune 4 "source-*"
	[ "$CACHE/linux-debug" -ef "$DEBUG_KERNEL/build" ] ||
		ln -sfn "${DEBUG_KERNEL##*/}/build" "$CACHE/linux-debug"
}

# want_kernel KERNEL: sets RELEASE and what belongs to it: VMLINUZ, and KERNEL_ENTER
# and KERNEL_LOWER, options for scripts/lib/enter to compile for and to boot it.
want_kernel() {
	case $1 in
	debug)
		want_debug_kernel
		RELEASE=$(ls "$DEBUG_KERNEL/tree/usr/lib/modules")
		VMLINUZ=$DEBUG_KERNEL/tree/boot/vmlinuz-$RELEASE
		KERNEL_ID=${DEBUG_KERNEL##*-}
		KERNEL_ENTER=(--ro-bind "$DEBUG_KERNEL/build:/usr/src/linux-debug")
		KERNEL_LOWER=(--lower "$DEBUG_KERNEL/tree")
		KDIR=/usr/src/linux-debug
		;;
	*)
		RELEASE=$(stock_release "$1") || exit 1
		VMLINUZ=$ROOT/boot/vmlinuz-$RELEASE
		KERNEL_ID=$ROOT_ID
		KERNEL_ENTER=()
		KERNEL_LOWER=()
		KDIR=/lib/modules/$RELEASE/build
		;;
	esac
}

# known_kernel KERNEL
known_kernel() {
	case " $STOCK_KERNELS debug " in
	*" $1 "*) ;;
	*) die "unknown kernel '$1': one of $STOCK_KERNELS debug" ;;
	esac
}
