// SPDX-License-Identifier: GPL-2.0-only
/*
 * Feature negotiation
 */
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>

#include "core.h"

/* What rings and transport can do for every class. */
#define RING_FEATURES						\
	(BIT_ULL(VHOST_F_LOG_ALL) |				\
	 BIT_ULL(VIRTIO_F_ANY_LAYOUT) |				\
	 BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC) |			\
	 BIT_ULL(VIRTIO_RING_F_EVENT_IDX) |			\
	 BIT_ULL(VIRTIO_F_VERSION_1) |				\
	 BIT_ULL(VIRTIO_F_ACCESS_PLATFORM) |			\
	 BIT_ULL(VIRTIO_F_RING_PACKED) |			\
	 BIT_ULL(VIRTIO_F_IN_ORDER) |				\
	 BIT_ULL(VIRTIO_F_RING_RESET))

/**
 * vha_device_features() - what the device offers
 * @dev: the device
 * @features: filled in, %VHA_FEATURES_WORDS words
 */
void vha_device_features(struct vha_device *dev, u64 *features)
{
	memset(features, 0, VHA_FEATURES_WORDS * sizeof(*features));
	features[0] = RING_FEATURES;
	dev->class->features(dev, features);
}

static bool offered(struct vha_device *dev, const u64 *features)
{
	u64 offer[VHA_FEATURES_WORDS];
	unsigned int i;

	vha_device_features(dev, offer);
	for (i = 0; i < VHA_FEATURES_WORDS; i++)
		if (features[i] & ~offer[i])
			return false;
	return true;
}

/*
 * Packed rings, and on big-endian hosts any ring, are little-endian, which
 * only drivers that know VERSION_1 speak.
 */
static bool consistent(const u64 *features)
{
	if (features[0] & BIT_ULL(VIRTIO_F_VERSION_1))
		return true;
	if (features[0] & (BIT_ULL(VIRTIO_F_RING_PACKED) | BIT_ULL(VIRTIO_F_IN_ORDER)))
		return false;
	return !IS_ENABLED(CONFIG_CPU_BIG_ENDIAN) || !features[0];
}

/* When logging begins there is a log already; when it ends it is let go. */
static void set_logging(struct vha_device *dev, bool on)
{
	if (on)
		dev->acked[0] |= BIT_ULL(VHOST_F_LOG_ALL);
	else
		dev->acked[0] &= ~BIT_ULL(VHOST_F_LOG_ALL);
	vha_device_log_rings(dev);
	if (!on)
		vha_device_stop_log(dev);
}

static int set_acked(struct vha_device *dev, const u64 *features)
{
	u64 old[VHA_FEATURES_WORDS];
	int ret;

	memcpy(old, dev->acked, sizeof(old));
	memcpy(dev->acked, features, sizeof(old));
	/* Logging has a switch of its own, see set_logging(). */
	dev->acked[0] &= ~BIT_ULL(VHOST_F_LOG_ALL);
	dev->acked[0] |= old[0] & BIT_ULL(VHOST_F_LOG_ALL);
	ret = dev->class->acked ? dev->class->acked(dev) : 0;
	if (ret)
		memcpy(dev->acked, old, sizeof(old));
	else
		vha_iotlb_enable(dev->iotlb, vha_device_feature(dev, VIRTIO_F_ACCESS_PLATFORM));
	return ret;
}

static bool only_log_differs(const struct vha_device *dev, const u64 *features)
{
	unsigned int i;

	for (i = 1; i < VHA_FEATURES_WORDS; i++)
		if (features[i] != dev->acked[i])
			return false;
	return !((features[0] ^ dev->acked[0]) & ~BIT_ULL(VHOST_F_LOG_ALL));
}

/**
 * vha_device_set_features() - what the driver acknowledged
 * @dev: the device
 * @features: %VHA_FEATURES_WORDS words
 *
 * VHOST_F_LOG_ALL may change while queues run, the others may not.
 *
 * Return: 0, -EOPNOTSUPP for a feature that is not offered, -EINVAL for a
 * combination that makes no sense, -EBUSY while a queue runs, -EFAULT or
 * -ENOMEM when logging can not start, -EFAULT also without a log base, or what
 * the class returns.
 */
int vha_device_set_features(struct vha_device *dev, const u64 *features)
{
	bool old = vha_device_feature(dev, VHOST_F_LOG_ALL);
	bool log = features[0] & BIT_ULL(VHOST_F_LOG_ALL);
	bool differ = !only_log_differs(dev, features);
	int ret;

	lockdep_assert_held(&dev->mutex);
	if (!offered(dev, features))
		return -EOPNOTSUPP;
	if (!consistent(features))
		return -EINVAL;
	if (differ && vha_device_running(dev))
		return -EBUSY;
	/* First what may fail: either all changes or nothing. */
	ret = log && !old ? vha_device_start_log(dev) : 0;
	if (!ret && differ)
		ret = set_acked(dev, features);
	if (ret && !old)
		vha_device_stop_log(dev);
	else if (!ret && log != old)
		set_logging(dev, log);
	return ret;
}
