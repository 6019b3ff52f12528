/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sockets of before 7.0 know nothing of network namespaces: all of them can
 * talk. Functions that were given the socket, for its namespace, were not then.
 */
#ifndef VHOST_ACCEL_COMPAT_NET_AF_VSOCK_H
#define VHOST_ACCEL_COMPAT_NET_AF_VSOCK_H

#include_next <net/af_vsock.h>

#ifdef __NET_NET_NAMESPACE_VSOCK_H

#define VSOCK_COMPAT_OPS(stream, seqpacket)
#define vsock_op(fn)			fn
#define VSOCK_OP_HAS_REMOTE_CID(fn)	.has_remote_cid = (fn),

#else

static inline bool vsock_net_check_mode(struct net *ns0, struct net *ns1)
{
	return true;
}

#define vsock_find_connected_socket_net(src, dst, net)			\
	((void)(net), vsock_find_connected_socket(src, dst))

/* Operations of the old types for functions of the new ones. */
#define VSOCK_COMPAT_OPS(stream, seqpacket)				\
static bool compat_##stream(u32 cid, u32 port)				\
{									\
	return stream(NULL, cid, port);					\
}									\
static bool compat_##seqpacket(u32 cid)					\
{									\
	return seqpacket(NULL, cid);					\
}

#define vsock_op(fn)			compat_##fn
#define VSOCK_OP_HAS_REMOTE_CID(fn)

#endif

#endif /* VHOST_ACCEL_COMPAT_NET_AF_VSOCK_H */
