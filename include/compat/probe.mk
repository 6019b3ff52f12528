# SPDX-License-Identifier: GPL-2.0-only
#
# What the preprocessor can not ask the kernel's headers.

# Taps that take the size of a packet's memory in front of its header.
ifneq ($(shell grep -s 'struct tun_xdp_hdr {' $(srctree)/include/linux/if_tun.h),)
subdir-ccflags-y += -DVHA_COMPAT_TUN_XDP_HDR
endif
