# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034,SC2154 # variables shared between the parts
# The root file system: compilers, QEMU and the host VM's files in one.

SUITE=trixie
STOCK_KERNELS="7.3 6.12"
SOURCE_SERIES=7.3

rootfs_words() {
	sed 's/#.*//' "$SRC/scripts/lib/rootfs-packages" | xargs
}

rootfs_dir() {
	echo "$CACHE/rootfs-$({
		rootfs_words
		echo "$SUITE $STOCK_KERNELS"
		cat "$SRC/scripts/lib/rootfs-setup"
	} | hash_text)"
}

# The mirror this machine already uses; nothing else is guaranteed to be
# reachable, and no host name belongs into the tree.
mirror_uri() {
	if [ -n "${VHOST_ACCEL_MIRROR:-}" ]; then
		echo "$VHOST_ACCEL_MIRROR"
		return
	fi
	# shellcheck disable=SC2016 # apt's own placeholders
	apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
		awk '$1 ~ /^(http|https|file|mirror)/ && $3 == "main" &&
			$2 ~ /^(bookworm|trixie|forky|duke|sid|stable|testing|unstable)$/ { print $1; exit }'
}

# How this machine reaches its mirror holds for the new system, too.
apt_options() {
	apt-config dump | grep -E '^Acquire::(http|https|Retries|Check-Valid-Until)\b.* "[^"]' |
		sed 's/;$//'
}

# need_program NAME [PACKAGE]: a bare Debian lacks even mount(8).
need_program() {
	local package=${2:-$1}

	command -v "$1" >/dev/null && return
	command -v apt-get >/dev/null || die "needs $package, and there is no apt to install it with"
	say "installing $package"
	logged apt bash -c "apt-get -y --no-install-recommends install $package ||
		{ apt-get update && apt-get -y --no-install-recommends install $package; }" ||
		die "cannot install $package with apt"
}

make_rootfs() {
	local out=$1 mirror option options=()

	command -v apt-get >/dev/null || die "needs a Debian machine: there is no apt here"
	need_program mmdebstrap
	mirror=$(mirror_uri)
	[ -n "$mirror" ] || die "no Debian mirror in this machine's apt configuration (set VHOST_ACCEL_MIRROR)"
	need_space 6 "the root file system"
	while read -r option; do
		options+=("--aptopt=$option")
	done < <(apt_options)

	say "building the root file system (1 to 5 minutes, 700 MB of packages)"
	logged rootfs mmdebstrap --variant=minbase --mode=root --keyring=/usr/share/keyrings \
		"${options[@]}" \
		--aptopt="APT::Default-Release \"$SUITE-backports\"" \
		--aptopt='APT::Install-Recommends "false"' \
		--dpkgopt=force-unsafe-io \
		--include="$(rootfs_words | tr ' ' ,)" \
		--customize-hook="copy-in '$SRC/scripts/lib/rootfs-setup' /tmp" \
		--customize-hook="chroot \"\$1\" sh /tmp/rootfs-setup $STOCK_KERNELS" \
		--customize-hook="rm \"\$1/tmp/rootfs-setup\"" \
		"$SUITE" "$out/root" \
		"deb $mirror $SUITE main" "deb $mirror $SUITE-backports main" ||
		die "cannot build the root file system from $mirror"
}

# want_rootfs: sets ROOT.
want_rootfs() {
	local dir

	need_program mount
	dir=$(rootfs_dir)
	cached "$dir" make_rootfs
	prune 2 "rootfs-*"
	ROOT=$dir/root
	ROOT_ID=${dir##*-}
	[ "$CACHE/rootfs" -ef "$ROOT" ] || ln -sfn "${dir##*/}/root" "$CACHE/rootfs"
}

# stock_release SERIES: as uname -r says it.
stock_release() {
	local dir

	for dir in "$ROOT/usr/lib/modules/$1".*; do
		[ -d "$dir/kernel" ] && echo "${dir##*/}" && return
	done
	die "the root file system has no kernel $1"
}
