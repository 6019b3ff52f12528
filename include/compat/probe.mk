# SPDX-License-Identifier: GPL-2.0-only
#
# What the preprocessor can not ask the kernel's headers: VHA_COMPAT_x is defined
# if words stand in one of them.

vha-compat = $(if $(shell grep -s -w -- '$(2)' $(srctree)/include/$(3)),-DVHA_COMPAT_$(1))

# Taps that take the size of a packet's memory in front of its header.
subdir-ccflags-y += $(call vha-compat,TUN_XDP_HDR,struct tun_xdp_hdr {,linux/if_tun.h)
# Timers that are given their function when they are set up.
subdir-ccflags-y += $(call vha-compat,HRTIMER_SETUP,hrtimer_setup,linux/hrtimer.h)
# A function for reading what a socket had no room for.
subdir-ccflags-y += $(call vha-compat,SK_DROPS_READ,sk_drops_read,net/sock.h)
# Sockets that answer to the kernel as well.
subdir-ccflags-y += $(call vha-compat,GETSOCKOPT_ITER,getsockopt_iter,linux/net.h)
# The header of virtio CAN devices.
subdir-ccflags-y += $(call vha-compat,VIRTIO_CAN,VIRTIO_CAN_F_CAN_CLASSIC,uapi/linux/virtio_can.h)
