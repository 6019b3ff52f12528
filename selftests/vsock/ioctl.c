// SPDX-License-Identifier: GPL-2.0-only
/*
 * vsock: CIDs, start and stop, what is refused
 */
#include <fcntl.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tvm_vsock.h"

FIXTURE(ioctl) {
	struct tvm_dev dev;
};

FIXTURE_SETUP(ioctl)
{
	ASSERT_EQ(tvm_dev_open(&self->dev, tvm_vsock_node()), 0);
}

FIXTURE_TEARDOWN(ioctl)
{
	tvm_dev_close(&self->dev);
}

TEST_F(ioctl, info)
{
	EXPECT_EQ(self->dev.info.virtio_id, 19U);
	EXPECT_EQ(self->dev.info.max_queues, 3U);
	EXPECT_EQ(self->dev.info.max_workers, 3U);
	EXPECT_EQ(self->dev.info.config_size, 8U);
}

TEST_F(ioctl, features)
{
	static const unsigned int bits[] = {
		VIRTIO_VSOCK_F_SEQPACKET, VHOST_F_LOG_ALL, VIRTIO_RING_F_INDIRECT_DESC,
		VIRTIO_RING_F_EVENT_IDX, VIRTIO_F_VERSION_1, VIRTIO_F_ACCESS_PLATFORM,
		VIRTIO_F_RING_PACKED, VIRTIO_F_IN_ORDER, VIRTIO_F_RING_RESET,
	};
	uint64_t features[2];
	unsigned int i;

	ASSERT_EQ(tvm_dev_features_get(&self->dev, features), 0);
	for (i = 0; i < sizeof(bits) / sizeof(bits[0]); i++)
		EXPECT_MSG(features[0] & TVM_BIT(bits[i]), "feature %u", bits[i]);
	EXPECT_EQ(features[1], 0U);
}

TEST_F(ioctl, reserved_cids)
{
	static const uint64_t cids[] = {
		0, 1, 2, 0xffffffff, 1ULL << 32, (1ULL << 32) + 3, 1ULL << 63, ~0ULL,
	};
	unsigned int i;

	for (i = 0; i < sizeof(cids) / sizeof(cids[0]); i++)
		EXPECT_MSG(tvm_vsock_cid_set(&self->dev, cids[i]) == -EINVAL, "CID %llx",
			   (unsigned long long)cids[i]);
	EXPECT_EQ(tvm_vsock_cid_set(&self->dev, 3), 0);
	EXPECT_EQ(tvm_vsock_cid_set(&self->dev, 0xfffffffe), 0);
	EXPECT_EQ(tvm_dev_ioctl(&self->dev, VHOST_VSOCK_SET_GUEST_CID, NULL), -EFAULT);
}

/* A management daemon does that before the VMM has the descriptor. */
TEST_F(ioctl, cid_before_owner)
{
	EXPECT_EQ(tvm_vsock_cid_set(&self->dev, TVM_VSOCK_CID), 0);
	EXPECT_EQ(tvm_dev_ioctl(&self->dev, VHOST_SET_OWNER, NULL), 0);
	EXPECT_EQ(tvm_vsock_cid_set(&self->dev, TVM_VSOCK_CID), 0);
	EXPECT_EQ(tvm_vsock_cid_set(&self->dev, TVM_VSOCK_CID + 1), 0);
}

TEST_F(ioctl, cid_of_others)
{
	struct tvm_dev other;

	ASSERT_EQ(tvm_dev_open(&other, tvm_vsock_node()), 0);
	EXPECT_EQ(tvm_vsock_cid_set(&self->dev, TVM_VSOCK_CID), 0);
	EXPECT_EQ(tvm_vsock_cid_set(&other, TVM_VSOCK_CID), -EADDRINUSE);
	EXPECT_EQ(tvm_vsock_cid_set(&other, TVM_VSOCK_CID + 1), 0);
	/* Refused, it keeps what it has. */
	EXPECT_EQ(tvm_vsock_cid_set(&other, TVM_VSOCK_CID), -EADDRINUSE);
	EXPECT_EQ(tvm_vsock_cid_set(&self->dev, TVM_VSOCK_CID + 1), -EADDRINUSE);
	EXPECT_EQ(tvm_vsock_cid_set(&self->dev, TVM_VSOCK_CID + 2), 0);
	EXPECT_EQ(tvm_vsock_cid_set(&other, TVM_VSOCK_CID), 0);
	tvm_dev_close(&other);
	EXPECT_EQ(tvm_vsock_cid_set(&self->dev, TVM_VSOCK_CID), 0);
}

TEST_F(ioctl, cid_taken_back)
{
	struct tvm_dev other;
	int fd = tvm_vsock_socket(SOCK_STREAM);

	ASSERT_EQ(tvm_dev_open(&other, tvm_vsock_node()), 0);
	ASSERT_EQ(tvm_dev_ioctl(&self->dev, VHOST_SET_OWNER, NULL), 0);
	EXPECT_EQ(tvm_vsock_cid_set(&self->dev, TVM_VSOCK_CID), 0);
	EXPECT_EQ(tvm_dev_backend_set(&self->dev, fd, 0), -EINVAL);
	EXPECT_EQ(tvm_vsock_cid_set(&other, TVM_VSOCK_CID), -EADDRINUSE);
	EXPECT_EQ(tvm_dev_backend_set(&self->dev, -1, 0), 0);
	EXPECT_EQ(tvm_vsock_cid_set(&other, TVM_VSOCK_CID), 0);
	tvm_dev_close(&other);
	close(fd);
}

TEST_F(ioctl, config)
{
	uint64_t cid = 0;

	ASSERT_EQ(tvm_dev_ioctl(&self->dev, VHOST_SET_OWNER, NULL), 0);
	EXPECT_EQ(tvm_dev_config_get(&self->dev, 0, &cid, 8), -ENODEV);
	ASSERT_EQ(tvm_vsock_cid_set(&self->dev, TVM_VSOCK_CID), 0);
	ASSERT_EQ(tvm_dev_config_get(&self->dev, 0, &cid, 8), 0);
	EXPECT_EQ(cid, (uint64_t)TVM_VSOCK_CID);
	EXPECT_EQ(tvm_dev_config_get(&self->dev, 0, &cid, 9), -EINVAL);
	EXPECT_EQ(tvm_dev_config_set(&self->dev, 0, &cid, 8), -EINVAL);
}

TEST_F(ioctl, running)
{
	int on = 1, off = 0;

	EXPECT_EQ(tvm_dev_ioctl(&self->dev, VHOST_VSOCK_SET_RUNNING, &on), -EPERM);
	EXPECT_EQ(tvm_dev_ioctl(&self->dev, VHOST_VSOCK_SET_RUNNING, &off), -EPERM);
	ASSERT_EQ(tvm_dev_ioctl(&self->dev, VHOST_SET_OWNER, NULL), 0);
	EXPECT_EQ(tvm_dev_ioctl(&self->dev, VHOST_VSOCK_SET_RUNNING, NULL), -EFAULT);
	EXPECT_EQ(tvm_dev_ioctl(&self->dev, VHOST_VSOCK_SET_RUNNING, &on), -EFAULT);
	EXPECT_EQ(tvm_dev_ioctl(&self->dev, VHOST_VSOCK_SET_RUNNING, &off), 0);
}

TEST_F(ioctl, unknown)
{
	unsigned long long argument = 0;

	EXPECT_EQ(tvm_dev_ioctl(&self->dev, _IOW(VHOST_VIRTIO, 0x6f, int), NULL), -ENOTTY);
	EXPECT_EQ(tvm_dev_ioctl(&self->dev, VHA_BLK_SET_PARAMS, &argument), -ENOTTY);
	EXPECT_EQ(tvm_dev_ioctl(&self->dev, VHOST_NET_SET_BACKEND, NULL), -ENOTTY);
}

TEST_F(ioctl, peers)
{
	struct vha_vsock_peers peers = {};
	unsigned int i;

	EXPECT_EQ(tvm_dev_ioctl(&self->dev, VHA_VSOCK_SET_PEERS, &peers), -EPERM);
	ASSERT_EQ(tvm_dev_ioctl(&self->dev, VHOST_SET_OWNER, NULL), 0);
	EXPECT_EQ(tvm_dev_ioctl(&self->dev, VHA_VSOCK_SET_PEERS, NULL), -EFAULT);
	EXPECT_EQ(tvm_dev_ioctl(&self->dev, VHA_VSOCK_SET_PEERS, &peers), 0);
	peers.count = VHA_VSOCK_PEERS_MAX + 1;
	EXPECT_EQ(tvm_dev_ioctl(&self->dev, VHA_VSOCK_SET_PEERS, &peers), -EINVAL);
	peers.count = VHA_VSOCK_PEERS_MAX;
	EXPECT_EQ(tvm_dev_ioctl(&self->dev, VHA_VSOCK_SET_PEERS, &peers), -EINVAL);
	for (i = 0; i < VHA_VSOCK_PEERS_MAX; i++)
		peers.cids[i] = 3 + i;
	EXPECT_EQ(tvm_dev_ioctl(&self->dev, VHA_VSOCK_SET_PEERS, &peers), 0);
	peers.cids[5] = VMADDR_CID_HOST;
	EXPECT_EQ(tvm_dev_ioctl(&self->dev, VHA_VSOCK_SET_PEERS, &peers), -EINVAL);
	peers.cids[5] = VMADDR_CID_ANY;
	EXPECT_EQ(tvm_dev_ioctl(&self->dev, VHA_VSOCK_SET_PEERS, &peers), -EINVAL);
	peers.cids[5] = 9;
	peers.count = 2;
	EXPECT_EQ(tvm_dev_ioctl(&self->dev, VHA_VSOCK_SET_PEERS, &peers), -EINVAL);
	memset(peers.cids + 2, 0, sizeof(peers.cids) - 2 * sizeof(peers.cids[0]));
	EXPECT_EQ(tvm_dev_ioctl(&self->dev, VHA_VSOCK_SET_PEERS, &peers), 0);
	peers.reserved[2] = 1;
	EXPECT_EQ(tvm_dev_ioctl(&self->dev, VHA_VSOCK_SET_PEERS, &peers), -EINVAL);
}

static bool write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool done = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return done;
}

/* Gives a guest the CID in a network namespace of its own; 0 or an errno. */
static int cid_in_namespace(uint64_t cid)
{
	struct tvm_dev dev;
	int ret;

	if (unshare(CLONE_NEWNET))
		return errno;
	ret = tvm_dev_open(&dev, tvm_vsock_node());
	if (!ret)
		ret = tvm_vsock_cid_set(&dev, cid);
	tvm_dev_close(&dev);
	return -ret;
}

static int in_child(int (*fn)(uint64_t cid), uint64_t cid)
{
	pid_t pid = fork();
	int status;

	ASSERT_GE(pid, 0);
	if (!pid)
		_exit(fn(cid));
	ASSERT_EQ(waitpid(pid, &status, 0), pid);
	return WEXITSTATUS(status);
}

static int local_namespace(uint64_t cid)
{
	/* A namespace, once made, passes its choice on to those made in it. */
	if (unshare(CLONE_NEWNET) || !write_file("/proc/sys/net/vsock/child_ns_mode", "local"))
		return errno;
	return cid_in_namespace(cid);
}

/* The same CID twice, where sockets of different namespaces can not meet. */
TEST_F(ioctl, namespaces)
{
	if (access("/proc/sys/net/vsock/child_ns_mode", W_OK))
		SKIP("this kernel has no namespaces for AF_VSOCK");
	ASSERT_EQ(tvm_vsock_cid_set(&self->dev, TVM_VSOCK_CID), 0);
	EXPECT_EQ(in_child(cid_in_namespace, TVM_VSOCK_CID), EADDRINUSE);
	EXPECT_EQ(in_child(local_namespace, TVM_VSOCK_CID), 0);
}

HARNESS_MAIN
