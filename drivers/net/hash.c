// SPDX-License-Identifier: GPL-2.0-only
/*
 * The hash reported with a received packet
 *
 * Toeplitz over addresses and ports, with the key and for the types of packets
 * that the driver wants (5.1.6.4.3 of the specification).
 */
#include <kunit/visibility.h>
#include <linux/if_tun.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/unaligned.h>
#include <net/flow_dissector.h>

#include "net.h"

#define TYPES								\
	(VIRTIO_NET_RSS_HASH_TYPE_IPv4 | VIRTIO_NET_RSS_HASH_TYPE_TCPv4 |	\
	 VIRTIO_NET_RSS_HASH_TYPE_UDPv4 | VIRTIO_NET_RSS_HASH_TYPE_IPv6 |	\
	 VIRTIO_NET_RSS_HASH_TYPE_TCPv6 | VIRTIO_NET_RSS_HASH_TYPE_UDPv6)

/* Two IPv6 addresses and two ports. */
#define INPUT_MAX	36

static void config_set(struct vha_net *net, struct vha_net_hash_config *config)
{
	struct vha_net_hash_config *old;

	old = rcu_replace_pointer(net->hash, config, lockdep_is_held(&net->dev.mutex));
	if (old)
		kfree_rcu(old, rcu);
}

/**
 * vha_net_hash_forget() - report no hash
 * @net: the device
 */
void vha_net_hash_forget(struct vha_net *net)
{
	lockdep_assert_held(&net->dev.mutex);
	config_set(net, NULL);
}

/**
 * vha_net_ioctl_hash() - VHA_NET_SET_HASH
 * @dev: the device
 * @argp: the argument
 *
 * Return: 0, -EFAULT, -EINVAL for an unknown type or what is reserved, -ENOMEM.
 */
long vha_net_ioctl_hash(struct vha_device *dev, void __user *argp)
{
	struct vha_net_hash_config *config;
	struct vha_net *net = to_net(dev);
	int ret = 0;

	config = kzalloc(sizeof(*config), GFP_KERNEL_ACCOUNT);
	if (!config)
		return -ENOMEM;
	if (copy_from_user(&config->config, argp, sizeof(config->config)))
		ret = -EFAULT;
	else if (config->config.types & ~TYPES || config->config.reserved)
		ret = -EINVAL;
	if (ret || !config->config.types) {
		kfree(config);
		config = NULL;
	}
	if (!ret)
		config_set(net, config);
	return ret;
}

/**
 * vha_net_hash_toeplitz() - the Toeplitz hash
 * @key: VHA_NET_HASH_KEY_BYTES
 * @data: what to hash
 * @len: bytes, so many that the key is longer by four at least
 *
 * Return: the hash.
 */
u32 vha_net_hash_toeplitz(const u8 *key, const u8 *data, unsigned int len)
{
	u64 window = get_unaligned_be32(key);
	unsigned int i, bit;
	u32 hash = 0;

	for (i = 0; i < len; i++) {
		window = window << 8 | key[i + sizeof(u32)];
		for (bit = 0; bit < BITS_PER_BYTE; bit++)
			if (data[i] & (0x80 >> bit))
				hash ^= window >> (BITS_PER_BYTE - bit);
	}
	return hash;
}
EXPORT_SYMBOL_IF_KUNIT(vha_net_hash_toeplitz);

/* Whether the ports count, too. */
static bool ports_of(const struct flow_keys *keys, u8 protocol)
{
	return keys->basic.ip_proto == protocol &&
	       !(keys->control.flags & FLOW_DIS_IS_FRAGMENT);
}

static u16 report_ipv4(const struct flow_keys *keys, u32 types)
{
	if (types & VIRTIO_NET_RSS_HASH_TYPE_TCPv4 && ports_of(keys, IPPROTO_TCP))
		return VIRTIO_NET_HASH_REPORT_TCPv4;
	if (types & VIRTIO_NET_RSS_HASH_TYPE_UDPv4 && ports_of(keys, IPPROTO_UDP))
		return VIRTIO_NET_HASH_REPORT_UDPv4;
	return types & VIRTIO_NET_RSS_HASH_TYPE_IPv4 ? VIRTIO_NET_HASH_REPORT_IPv4 :
						       VIRTIO_NET_HASH_REPORT_NONE;
}

static u16 report_ipv6(const struct flow_keys *keys, u32 types)
{
	if (types & VIRTIO_NET_RSS_HASH_TYPE_TCPv6 && ports_of(keys, IPPROTO_TCP))
		return VIRTIO_NET_HASH_REPORT_TCPv6;
	if (types & VIRTIO_NET_RSS_HASH_TYPE_UDPv6 && ports_of(keys, IPPROTO_UDP))
		return VIRTIO_NET_HASH_REPORT_UDPv6;
	return types & VIRTIO_NET_RSS_HASH_TYPE_IPv6 ? VIRTIO_NET_HASH_REPORT_IPv6 :
						       VIRTIO_NET_HASH_REPORT_NONE;
}

static unsigned int append(u8 *input, unsigned int len, const void *data, unsigned int bytes)
{
	memcpy(input + len, data, bytes);
	return len + bytes;
}

static void hash_keys(const struct vha_net_hash *config, const struct flow_keys *keys,
		      struct vha_net_hash_value *hash)
{
	bool ipv4 = keys->control.addr_type == FLOW_DISSECTOR_KEY_IPV4_ADDRS;
	u8 input[INPUT_MAX];
	unsigned int len;

	if (!ipv4 && keys->control.addr_type != FLOW_DISSECTOR_KEY_IPV6_ADDRS)
		return;
	hash->report = ipv4 ? report_ipv4(keys, config->types) : report_ipv6(keys, config->types);
	if (hash->report == VIRTIO_NET_HASH_REPORT_NONE)
		return;
	if (ipv4)
		len = append(input, 0, &keys->addrs.v4addrs, sizeof(keys->addrs.v4addrs));
	else
		len = append(input, 0, &keys->addrs.v6addrs, sizeof(keys->addrs.v6addrs));
	if (hash->report != VIRTIO_NET_HASH_REPORT_IPv4 &&
	    hash->report != VIRTIO_NET_HASH_REPORT_IPv6)
		len = append(input, len, &keys->ports.ports, sizeof(keys->ports.ports));
	hash->value = vha_net_hash_toeplitz(config->key, input, len);
}

/**
 * vha_net_hash_packet() - the hash of a packet
 * @q: the queue
 * @packet: what the ring of a tap holds
 * @hash: filled in; zero
 */
void vha_net_hash_packet(struct vha_net_queue *q, void *packet,
			 struct vha_net_hash_value *hash)
{
	struct vha_net_hash_config *config;
	struct flow_keys keys;

	if (tun_is_xdp_frame(packet))
		return;
	rcu_read_lock();
	config = rcu_dereference(net_of(q)->hash);
	if (config && skb_flow_dissect_flow_keys(packet, &keys, FLOW_DISSECTOR_F_STOP_AT_ENCAP))
		hash_keys(&config->config, &keys, hash);
	rcu_read_unlock();
}
