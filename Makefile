# SPDX-License-Identifier: GPL-2.0-only
#
# vhost-accel: see "make help".  What the kernel build reads is in Kbuild.

PACKAGE := vhost-accel
VERSION := $(shell sed -n 's/^PACKAGE_VERSION="\(.*\)"/\1/p' dkms.conf)

KERNEL ?= $(shell uname -r)
KDIR ?= /lib/modules/$(KERNEL)/build
PREFIX ?= /usr/local
DESTDIR ?=

KBUILD := $(MAKE) -C $(KDIR) M=$(CURDIR)

OLDEST := $(shell sed -n 's/^BUILD_EXCLUSIVE_KERNEL_MIN="\(.*\)"/\1/p' dkms.conf)

# What Kbuild leaves in the tree, whichever kernel's it was.
PRODUCTS := \( -name '*.o' -o -name '*.ko' -o -name '*.mod' -o -name '*.mod.c' \
	-o -name '.*.cmd' -o -name '.*.d' -o -name '*.order' \)

DKMS_SOURCE := /usr/src/$(PACKAGE)-$(VERSION)
DKMS_FILES := drivers include Kbuild Makefile dkms.conf LICENSES
UDEV_RULE := $(DESTDIR)$(PREFIX)/lib/udev/rules.d/60-vhost-accel.rules

MODPROBE_EXAMPLE := $(DESTDIR)$(PREFIX)/share/vhost-accel/modprobe-vsock.conf

.PHONY: all modules modules_install kunit tools selftests install-tools \
	uninstall-tools dkms-install dkms-remove checkpatch sparse check test \
	test-quick bench demo clean help

all: modules ## modules (the default)

modules: | headers ## kernel modules, for the kernel whose build directory is KDIR
	$(KBUILD) modules

modules_install: | headers ## install them for that kernel, without dkms
	$(KBUILD) modules_install

kunit: | headers ## modules and KUnit suites, for a KDIR with CONFIG_KUNIT
	$(KBUILD) VHA_KUNIT=m modules

tools: ## the vhost-accel command
	$(MAKE) -C tools

selftests: ## test programs for user space
	$(MAKE) -C selftests

install-tools: tools ## install the command and the udev rule (DESTDIR, PREFIX)
	$(MAKE) -C tools install DESTDIR=$(DESTDIR) PREFIX=$(PREFIX)
	install -D -m 644 packaging/60-vhost-accel.rules $(UDEV_RULE)
	install -D -m 644 packaging/modprobe-vsock.conf $(MODPROBE_EXAMPLE)

uninstall-tools: ## undo install-tools
	$(MAKE) -C tools uninstall DESTDIR=$(DESTDIR) PREFIX=$(PREFIX)
	rm -f $(UDEV_RULE) $(MODPROBE_EXAMPLE)
	rmdir --ignore-fail-on-non-empty $(dir $(MODPROBE_EXAMPLE)) 2>/dev/null || true

dkms-install: | dkms headers ## install the modules by dkms, and install-tools
	[ -z "$$(dkms status $(PACKAGE)/$(VERSION))" ] || \
		dkms remove $(PACKAGE)/$(VERSION) --all
	rm -rf $(DKMS_SOURCE)
	mkdir -p $(DKMS_SOURCE)
	tar -c --exclude='*.o' --exclude='*.ko' --exclude='*.mod*' --exclude='.*.cmd' \
		--exclude='*.d' \
		$(DKMS_FILES) | tar -x --no-same-owner -C $(DKMS_SOURCE)
	dkms add $(PACKAGE)/$(VERSION)
	dkms build $(PACKAGE)/$(VERSION) -k $(KERNEL)
	dkms install $(PACKAGE)/$(VERSION) -k $(KERNEL)
	$(MAKE) install-tools
	udevadm control --reload 2>/dev/null || true

dkms-remove: | dkms ## undo dkms-install; unload the modules first
	[ -z "$$(dkms status $(PACKAGE)/$(VERSION))" ] || \
		dkms remove $(PACKAGE)/$(VERSION) --all
	rm -rf $(DKMS_SOURCE)
	$(MAKE) uninstall-tools

checkpatch: ## kernel coding style
	@scripts/check checkpatch

sparse: ## static analysis of the modules
	@scripts/check sparse

check: ## all checks that need no virtual machine
	@scripts/check

test: ## every test there is, in virtual machines; nothing of this machine is used
	@scripts/test

test-quick: ## the part of it that needs one host VM and no debug kernel
	@scripts/test --quick

bench: ## measure against QEMU and others
	@selftests/bench/run

demo: ## a guest whose disk is served by the host kernel, from nothing
	@scripts/demo

clean: ## remove what was built in the tree
	find $(wildcard drivers kunit) -type f $(PRODUCTS) -delete
	rm -f Module.symvers modules.order .module-common.o .*.cmd
	[ ! -e tools/Makefile ] || $(MAKE) -C tools clean
	[ ! -e selftests/Makefile ] || $(MAKE) -C selftests clean

help: ## this list
	@sed -n 's/^\([a-z_-]*\):[^#]*## \(.*\)/  \1\t\2/p' Makefile | expand -t 20
	@echo
	@echo '  Variables: KERNEL=$(KERNEL) KDIR=$(KDIR) PREFIX=$(PREFIX) DESTDIR=$(DESTDIR)'

# What has to be there, said in one line.
.PHONY: headers dkms
headers:
	@[ -e "$(KDIR)/Makefile" ] || { \
		echo "error: no kernel headers in $(KDIR): install linux-headers-$(KERNEL) or set KDIR" >&2; \
		exit 1; }
	@release=$$(cat "$(KDIR)/include/config/kernel.release" 2>/dev/null) && \
		printf '%s\n' $(OLDEST) "$$release" | sort -V -C || { \
		echo "error: the kernel of $(KDIR) is $${release:-not configured}; $(OLDEST) or later is needed" >&2; \
		exit 1; }

dkms:
	@[ "$$(id -u)" = 0 ] || { echo "error: must be root" >&2; exit 1; }
	@command -v dkms >/dev/null || { echo "error: dkms is not installed" >&2; exit 1; }
