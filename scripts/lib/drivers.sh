# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034,SC2154 # variables shared between the parts
# Video drivers that tests use as devices of the host: those of a kernel's own
# source that Debian leaves off.  The debug kernel has them as modules of its own.

make_drivers() {
	local deb=$1 out=$2

	say "building video drivers for $RELEASE"
	mkdir -p "$out/tree/usr/lib/vhost-accel/drivers" "$out/build"
	# shellcheck disable=SC2016 # expanded in there
	logged "drivers-$RELEASE" in_root --bind "$out/build:/build" --ro-bind "$(dirname "$deb"):/src" \
		--bind "$out/tree/usr/lib/vhost-accel/drivers:/run/drivers" --workdir /build "$ROOT" -- sh -e -c '
		dpkg-deb --fsys-tarfile /src/*.deb | tar -x -O --wildcards "*/linux-source-*.tar.xz" |
			tar -x -J --strip-components=1 --wildcards \
				"*/drivers/media/v4l2-core/v4l2-mem2mem.c" "*/drivers/media/test-drivers/vim2m.c" \
				"*/drivers/media/test-drivers/vicodec/*"
		mkdir module
		mv drivers/media/v4l2-core/v4l2-mem2mem.c drivers/media/test-drivers/vim2m.c \
			drivers/media/test-drivers/vicodec/*.[ch] module
		echo "obj-m := v4l2-mem2mem.o vim2m.o vicodec.o
			vicodec-y := vicodec-core.o codec-fwht.o codec-v4l2-fwht.o" >module/Kbuild
		make -C "/lib/modules/$1/build" M=/build/module modules
		mv module/*.ko /run/drivers' sh "$RELEASE" || exit 1
	rm -rf "$out/build"
}

# want_drivers KERNEL: sets DRIVERS to the layer, or to nothing where none is needed.
want_drivers() {
	DRIVERS=
	[ "$1" != debug ] || return 0
	want_source "$1"
	DRIVERS=$CACHE/drivers-$1-$({
		echo "$ROOT_ID $RELEASE ${SOURCE_DEB##*/}"
		declare -f make_drivers
	} | hash_text)
	cached "$DRIVERS" make_drivers "$SOURCE_DEB"
	prune 2 "drivers-$1-*"
}
