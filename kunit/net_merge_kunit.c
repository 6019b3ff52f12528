// SPDX-License-Identifier: GPL-2.0-only
/*
 * Network class: gathering buffers for one received packet
 *
 * The code under test is built in here. Its queue is a list of buffers that
 * the test wrote down; what is fetched and put back is counted.
 */
#include <kunit/test-bug.h>
#include <kunit/test.h>
#include <linux/module.h>

#include "../drivers/net/merge.c"

#define HOLE	0xdead0000ULL

/**
 * struct buffer - a buffer of the driver
 * @out: bytes the device may read
 * @in: lengths of pieces it may write, up to the first that is negative
 * @addr: where the first piece is; the others follow in pages of their own
 */
struct buffer {
	int out;
	int in[4];
	u64 addr;
};

struct rig {
	struct vha_net net;
	struct vha_net_queue q;
	struct vha_net_rx rx;
	struct vha_seg segs[8];
	const struct buffer *buffers;
	unsigned int nr;
	unsigned int next;
	bool exhausted;
	int error;
};

static struct rig *rig_of(const struct vha_queue *vq)
{
	return container_of(vq, struct rig, q.vq);
}

/* What the code under test asks of the core. */

int vha_queue_fetch(struct vha_queue *vq, struct vha_chain *chain)
{
	struct rig *rig = rig_of(vq);
	const struct buffer *b = &rig->buffers[rig->next];
	unsigned int i, n = 0;

	if (rig->next == rig->nr)
		return rig->error;
	memset(chain, 0, sizeof(*chain));
	chain->segs = rig->segs;
	if (b->out) {
		rig->segs[n++] = (struct vha_seg) { .addr = b->addr, .len = b->out };
		chain->out_num = 1;
		chain->out_len = b->out;
	}
	for (i = 0; i < ARRAY_SIZE(b->in) && b->in[i] >= 0; i++, n++) {
		rig->segs[n] = (struct vha_seg) {
			.addr = b->addr + i * PAGE_SIZE, .len = b->in[i],
		};
		chain->in_num++;
		chain->in_len += b->in[i];
	}
	chain->token.id = rig->next++;
	return 1;
}

void vha_queue_unfetch(struct vha_queue *vq, const struct vha_token *token)
{
	struct rig *rig = rig_of(vq);

	/* The one fetched last, or the ring forgets where it is. */
	KUNIT_EXPECT_EQ(kunit_get_current_test(), token->id, rig->next - 1);
	rig->next--;
}

bool vha_queue_exhausted(const struct vha_queue *vq)
{
	return rig_of(vq)->exhausted;
}

int vha_cursor_iov(struct vha_queue *vq, struct vha_cursor *cursor, u32 len,
		   struct iovec *iov, unsigned int max)
{
	unsigned int nr = 0;

	for (; len; nr++) {
		if (nr == max)
			return -EMSGSIZE;
		if (!cursor->nr || cursor->seg->addr >= HOLE)
			return -EFAULT;
		iov[nr].iov_base = (void __user *)(unsigned long)cursor->seg->addr;
		iov[nr].iov_len = min(len, cursor->seg->len);
		len -= iov[nr].iov_len;
		vha_cursor_skip(cursor, iov[nr].iov_len);
	}
	return nr;
}

static struct rig *rig_open(struct kunit *test, const struct buffer *buffers, unsigned int nr,
			    bool mergeable)
{
	struct rig *rig = kunit_kzalloc(test, sizeof(*rig), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, rig);
	mutex_init(&rig->q.vq.mutex);
	rig->net.mergeable = mergeable;
	rig->q.vq.dev = &rig->net.dev;
	rig->q.rx = &rig->rx;
	rig->buffers = buffers;
	rig->nr = nr;
	return rig;
}

static int gather(struct rig *rig, u32 len)
{
	int ret;

	mutex_lock(&rig->q.vq.mutex);
	ret = vha_net_merge_gather(&rig->q, len);
	mutex_unlock(&rig->q.vq.mutex);
	return ret;
}

static u32 gathered(const struct rig *rig)
{
	u32 bytes = 0;
	unsigned int i;

	for (i = 0; i < rig->rx.nr_iov; i++)
		bytes += rig->rx.iov[i].iov_len;
	return bytes;
}

/**
 * struct merge_case - buffers and a packet
 * @name: of the case
 * @mergeable: VIRTIO_NET_F_MRG_RXBUF
 * @exhausted: the driver can give no more
 * @error: what a fetch of more than there are returns
 * @len: of the packet, header included
 * @nr: buffers
 * @buffers: the buffers
 * @ret: what is expected
 * @lens: bytes in each buffer that is gathered, up to the first negative
 * @bad: buffers among them that make no sense
 */
static const struct merge_case {
	const char *name;
	bool mergeable;
	bool exhausted;
	int error;
	u32 len;
	unsigned int nr;
	struct buffer buffers[4];
	int ret;
	int lens[5];
	unsigned int bad;
} merge_cases[] = {
	{ "fits in one", true, false, 0, 1514, 1,
	  { { 0, { 2048, -1 } } }, 0, { 1514, -1 } },
	{ "fits exactly", true, false, 0, 2048, 2,
	  { { 0, { 2048, -1 } }, { 0, { 2048, -1 } } }, 0, { 2048, -1 } },
	{ "one byte more", true, false, 0, 2049, 2,
	  { { 0, { 2048, -1 } }, { 0, { 2048, -1 } } }, 0, { 2048, 1, -1 } },
	{ "pieces of one buffer", true, false, 0, 100, 1,
	  { { 0, { 12, 0, 60, 60 } } }, 0, { 100, -1 } },
	{ "buffers smaller than the header", true, false, 0, 20, 3,
	  { { 0, { 8, -1 } }, { 0, { 8, -1 } }, { 0, { 8, -1 } } }, 0, { 8, 8, 4, -1 } },
	{ "not mergeable, fits", false, false, 0, 1514, 1,
	  { { 0, { 12, 1502, -1 } } }, 0, { 1514, -1 } },
	{ "not mergeable, too small", false, false, 0, 1514, 2,
	  { { 0, { 1513, -1 } }, { 0, { 2048, -1 } } }, -EMSGSIZE, { -1 } },
	{ "driver has more to give", true, false, 0, 4097, 2,
	  { { 0, { 2048, -1 } }, { 0, { 2048, -1 } } }, -ENOBUFS, { -1 } },
	{ "driver has no more to give", true, true, 0, 4097, 2,
	  { { 0, { 2048, -1 } }, { 0, { 2048, -1 } } }, -EMSGSIZE, { -1 } },
	{ "translation is missing", true, false, -EAGAIN, 4000, 1,
	  { { 0, { 2048, -1 } } }, -EAGAIN, { -1 } },
	{ "ring broke", true, false, -EINVAL, 4000, 1,
	  { { 0, { 2048, -1 } } }, -EINVAL, { -1 } },
	{ "first is not writable", true, false, 0, 100, 2,
	  { { 100, { -1 } }, { 0, { 2048, -1 } } }, -EBADMSG, { 0, -1 }, 1 },
	{ "first has no bytes", true, false, 0, 100, 2,
	  { { 0, { 0, 0, -1 } }, { 0, { 2048, -1 } } }, -EBADMSG, { 0, -1 }, 1 },
	{ "first has a part to read", true, false, 0, 100, 1,
	  { { 4, { 2048, -1 } } }, -EBADMSG, { 0, -1 }, 1 },
	{ "first is nowhere", true, false, 0, 100, 1,
	  { { 0, { 2048, -1 }, HOLE } }, -EBADMSG, { 0, -1 }, 1 },
	{ "nowhere beyond what is needed", true, false, 0, 100, 1,
	  { { 0, { 100, 2048, -1 }, HOLE - PAGE_SIZE } }, 0, { 100, -1 } },
	{ "second is nowhere", true, false, 0, 3000, 3,
	  { { 0, { 2048, -1 } }, { 0, { 2048, -1 }, HOLE }, { 0, { 2048, -1 } } },
	  0, { 2048, 0, 952, -1 }, 1 },
	{ "all but the first are bad", true, true, 0, 3000, 3,
	  { { 0, { 2048, -1 } }, { 9, { -1 } }, { 9, { -1 } } }, -EMSGSIZE, { -1 } },
};

KUNIT_ARRAY_PARAM_DESC(merge, merge_cases, name);

static void merge_test(struct kunit *test)
{
	const struct merge_case *c = test->param_value;
	struct rig *rig = rig_open(test, c->buffers, c->nr, c->mergeable);
	unsigned int i;

	rig->exhausted = c->exhausted;
	rig->error = c->error;
	KUNIT_ASSERT_EQ(test, gather(rig, c->len), c->ret);
	for (i = 0; c->lens[i] >= 0; i++) {
		KUNIT_EXPECT_EQ(test, rig->rx.used[i].len, c->lens[i]);
		KUNIT_EXPECT_EQ(test, rig->rx.used[i].token.id, i);
	}
	KUNIT_EXPECT_EQ(test, rig->rx.nr_heads, i);
	KUNIT_EXPECT_EQ(test, rig->rx.nr_bad, c->bad);
	/* What was not gathered is with the ring again. */
	KUNIT_EXPECT_EQ(test, rig->next, i);
	KUNIT_EXPECT_EQ(test, gathered(rig), c->ret ? 0 : c->len);
}

/* Behind buffers of earlier packets, which stay as they are. */
static void merge_behind_test(struct kunit *test)
{
	const struct buffer buffers[] = { { 0, { 2048, -1 } }, { 0, { 2048, -1 } } };
	struct rig *rig = rig_open(test, buffers, 2, true);

	rig->rx.nr_used = 3;
	rig->rx.used[2].len = 77;
	KUNIT_ASSERT_EQ(test, gather(rig, 4000), 0);
	KUNIT_EXPECT_EQ(test, rig->rx.nr_used, 3);
	KUNIT_EXPECT_EQ(test, rig->rx.used[2].len, 77);
	KUNIT_EXPECT_EQ(test, rig->rx.used[3].len, 2048);
	KUNIT_EXPECT_EQ(test, rig->rx.used[4].len, 4000 - 2048);
}

/* Buffers not yet returned come back to a driver that seems to have no more. */
static void merge_pending_test(struct kunit *test)
{
	const struct buffer buffers[] = { { 0, { 2048, -1 } } };
	struct rig *rig = rig_open(test, buffers, 1, true);

	rig->exhausted = true;
	rig->rx.nr_used = 1;
	KUNIT_EXPECT_EQ(test, gather(rig, 4000), -ENOBUFS);
	rig->rx.nr_used = 0;
	KUNIT_EXPECT_EQ(test, gather(rig, 4000), -EMSGSIZE);
}

/* More buffers, or pieces, than one packet may be spread over. */
static void merge_limit_test(struct kunit *test)
{
	const unsigned int nr = VHA_NET_BUFFERS + 8;
	struct buffer *buffers = kunit_kcalloc(test, nr, sizeof(*buffers), GFP_KERNEL);
	struct rig *rig;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, buffers);
	for (i = 0; i < nr; i++)
		buffers[i] = (struct buffer) { 0, { 4, -1 } };
	rig = rig_open(test, buffers, nr, true);
	KUNIT_EXPECT_EQ(test, gather(rig, 4 * VHA_NET_BUFFERS), 0);
	KUNIT_EXPECT_EQ(test, rig->rx.nr_heads, VHA_NET_BUFFERS);
	rig->next = 0;
	KUNIT_EXPECT_EQ(test, gather(rig, 4 * VHA_NET_BUFFERS + 1), -EMSGSIZE);
	KUNIT_EXPECT_EQ(test, rig->next, 0);
	for (i = 0; i < nr; i++)
		buffers[i] = (struct buffer) { 0, { 1, 1, 1, 1 } };
	KUNIT_EXPECT_EQ(test, gather(rig, VHA_NET_SEGS), 0);
	rig->next = 0;
	KUNIT_EXPECT_EQ(test, gather(rig, VHA_NET_SEGS + 1), -EMSGSIZE);
	KUNIT_EXPECT_EQ(test, rig->next, 0);
}

static struct kunit_case merge_suite_cases[] = {
	KUNIT_CASE_PARAM(merge_test, merge_gen_params),
	KUNIT_CASE(merge_behind_test),
	KUNIT_CASE(merge_pending_test),
	KUNIT_CASE(merge_limit_test),
	{}
};

static struct kunit_suite merge_suite = {
	.name = "vha_net_merge",
	.test_cases = merge_suite_cases,
};

kunit_test_suite(merge_suite);

MODULE_DESCRIPTION("KUnit tests of the network class: merged buffers");
MODULE_LICENSE("GPL");
