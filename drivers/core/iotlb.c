// SPDX-License-Identifier: GPL-2.0-only
/*
 * The device IOTLB: a cache, filled by the VMM, of what the guest's IOMMU maps
 */
#include <kunit/visibility.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vhost.h>

#include "core.h"
#include "iotlb.h"

/*
 * One translation
 * @node: in the tree
 * @age: in the list of ages
 * @iova: first address
 * @last: last address
 * @hva: address of @iova in the owner's address space
 * @perm: VHOST_ACCESS_*
 */
struct vha_iotlb_entry {
	struct rb_node node;
	struct list_head age;
	u64 iova;
	u64 last;
	unsigned long hva;
	u8 perm;
};

#define to_entry(rb)	rb_entry_safe(rb, struct vha_iotlb_entry, node)

/**
 * vha_iotlb_create() - make an IOTLB, not enabled
 *
 * Return: the IOTLB or an ERR_PTR().
 */
struct vha_iotlb *vha_iotlb_create(void)
{
	struct vha_iotlb *iotlb = kzalloc(sizeof(*iotlb), VHA_GFP_SETUP);

	if (!iotlb)
		return ERR_PTR(-ENOMEM);
	spin_lock_init(&iotlb->lock);
	iotlb->entries = RB_ROOT;
	INIT_LIST_HEAD(&iotlb->oldest);
	init_waitqueue_head(&iotlb->wait);
	return iotlb;
}
EXPORT_SYMBOL_IF_KUNIT(vha_iotlb_create);

static void entry_remove(struct vha_iotlb *iotlb, struct vha_iotlb_entry *entry)
{
	if (iotlb->recent == entry)
		iotlb->recent = NULL;
	rb_erase(&entry->node, &iotlb->entries);
	list_del(&entry->age);
	iotlb->nr--;
	kfree(entry);
}

/* The first entry that ends at or after @iova, or NULL. */
static struct vha_iotlb_entry *entry_first(struct vha_iotlb *iotlb, u64 iova)
{
	struct rb_node *node = iotlb->entries.rb_node;
	struct vha_iotlb_entry *found = NULL;

	while (node) {
		struct vha_iotlb_entry *entry = to_entry(node);

		if (entry->last >= iova) {
			found = entry;
			node = node->rb_left;
		} else {
			node = node->rb_right;
		}
	}
	return found;
}

/* Remove what overlaps [iova, last]. */
static void range_remove(struct vha_iotlb *iotlb, u64 iova, u64 last)
{
	struct vha_iotlb_entry *entry = entry_first(iotlb, iova);

	while (entry && entry->iova <= last) {
		struct vha_iotlb_entry *next = to_entry(rb_next(&entry->node));

		entry_remove(iotlb, entry);
		entry = next;
	}
}

/* Whether something in [iova, last] is translated, and not as @new does it. */
static bool range_differs(struct vha_iotlb *iotlb, const struct vha_iotlb_entry *new)
{
	struct vha_iotlb_entry *entry = entry_first(iotlb, new->iova);

	while (entry && entry->iova <= new->last) {
		if (entry->perm != new->perm || entry->iova < new->iova ||
		    entry->last > new->last ||
		    entry->hva - new->hva != entry->iova - new->iova)
			return true;
		entry = to_entry(rb_next(&entry->node));
	}
	return false;
}

static void entry_insert(struct vha_iotlb *iotlb, struct vha_iotlb_entry *new)
{
	struct rb_node **link = &iotlb->entries.rb_node, *parent = NULL;

	while (*link) {
		parent = *link;
		if (new->iova < to_entry(parent)->iova)
			link = &parent->rb_left;
		else
			link = &parent->rb_right;
	}
	rb_link_node(&new->node, parent, link);
	rb_insert_color(&new->node, &iotlb->entries);
	list_add_tail(&new->age, &iotlb->oldest);
	iotlb->nr++;
}

static void iotlb_clear(struct vha_iotlb *iotlb)
{
	range_remove(iotlb, 0, U64_MAX);
	iotlb->nr_misses = 0;
}

/**
 * vha_iotlb_destroy() - free an IOTLB
 * @iotlb: the IOTLB, without readers or pollers; or NULL
 */
void vha_iotlb_destroy(struct vha_iotlb *iotlb)
{
	if (!iotlb)
		return;
	iotlb_clear(iotlb);
	kfree(iotlb);
}
EXPORT_SYMBOL_IF_KUNIT(vha_iotlb_destroy);

/**
 * vha_iotlb_enable() - start or end the use of an IOTLB
 * @iotlb: the IOTLB, with every queue of its device quiesced
 * @enable: which of the two
 *
 * Both forget all translations and misses; the end fails blocked readers.
 */
void vha_iotlb_enable(struct vha_iotlb *iotlb, bool enable)
{
	spin_lock(&iotlb->lock);
	iotlb_clear(iotlb);
	WRITE_ONCE(iotlb->enabled, enable);
	spin_unlock(&iotlb->lock);
	wake_up_interruptible(&iotlb->wait);
}
EXPORT_SYMBOL_IF_KUNIT(vha_iotlb_enable);

/**
 * vha_iotlb_enabled() - whether the guest's addresses go through the IOTLB
 * @dev: the device
 *
 * Return: whether they do.
 */
bool vha_iotlb_enabled(const struct vha_device *dev)
{
	return READ_ONCE(dev->iotlb->enabled);
}

/**
 * vha_iotlb_insert() - add a translation
 * @iotlb: the IOTLB
 * @iova: first address
 * @size: bytes
 * @hva: its address in the owner's address space
 * @perm: VHOST_ACCESS_*
 * @changed: set to whether an address was translated otherwise before
 *
 * Replaces what overlaps it. When the IOTLB is full the oldest translation
 * goes: this is a cache, and a translation that is missed can be had again.
 *
 * Context: process, may sleep.
 * Return: 0, -EINVAL for a size of zero, a range that wraps or an unknown
 * permission, -EFAULT when @hva is not user space or the IOTLB not enabled,
 * -ENOMEM.
 */
int vha_iotlb_insert(struct vha_iotlb *iotlb, u64 iova, u64 size, u64 hva, u8 perm,
		     bool *changed)
{
	struct vha_iotlb_entry *new;
	u64 last, hva_last;
	int ret = 0;

	if (!size || !perm || (perm & ~VHOST_ACCESS_RW) ||
	    check_add_overflow(iova, size - 1, &last) ||
	    check_add_overflow(hva, size - 1, &hva_last))
		return -EINVAL;
	if (hva_last > ULONG_MAX || !access_ok(u64_to_user_ptr(hva), size))
		return -EFAULT;
	new = kmalloc(sizeof(*new), VHA_GFP_SETUP);
	if (!new)
		return -ENOMEM;
	new->iova = iova;
	new->last = last;
	new->hva = hva;
	new->perm = perm;
	spin_lock(&iotlb->lock);
	if (iotlb->enabled) {
		*changed = range_differs(iotlb, new);
		range_remove(iotlb, iova, last);
		if (iotlb->nr == VHA_IOTLB_ENTRIES_MAX)
			entry_remove(iotlb, list_first_entry(&iotlb->oldest,
							     struct vha_iotlb_entry, age));
		entry_insert(iotlb, new);
	} else {
		kfree(new);
		ret = -EFAULT;
	}
	spin_unlock(&iotlb->lock);
	return ret;
}
EXPORT_SYMBOL_IF_KUNIT(vha_iotlb_insert);

/**
 * vha_iotlb_remove() - remove the translations of a range
 * @iotlb: the IOTLB
 * @iova: first address
 * @last: last address
 *
 * A translation that reaches beyond the range goes as a whole.
 */
void vha_iotlb_remove(struct vha_iotlb *iotlb, u64 iova, u64 last)
{
	spin_lock(&iotlb->lock);
	range_remove(iotlb, iova, last);
	spin_unlock(&iotlb->lock);
}
EXPORT_SYMBOL_IF_KUNIT(vha_iotlb_remove);

/* Ask the VMM for an address. Returns false when too many questions wait. */
static bool miss_add(struct vha_iotlb *iotlb, u64 iova, u8 perm)
{
	struct vha_miss *miss;
	u32 i;

	for (i = 0; i < iotlb->nr_misses; i++) {
		miss = &iotlb->misses[(iotlb->first_miss + i) % VHA_IOTLB_MISSES_MAX];
		if (miss->iova == iova && miss->perm == perm)
			return true;
	}
	if (iotlb->nr_misses == VHA_IOTLB_MISSES_MAX)
		return false;
	i = (iotlb->first_miss + iotlb->nr_misses++) % VHA_IOTLB_MISSES_MAX;
	iotlb->misses[i] = (struct vha_miss) { .iova = iova, .perm = perm };
	wake_up_interruptible_poll(&iotlb->wait, EPOLLIN | EPOLLRDNORM);
	return true;
}

/* A queue whose question was dropped asks anew after any translation arrives. */
static void miss(struct vha_queue *vq, u64 iova, u8 perm)
{
	bool asked = miss_add(vq->dev->iotlb, iova, perm);

	vq->missing = true;
	vq->missed_first = asked ? iova : 0;
	vq->missed_last = asked ? iova : U64_MAX;
}

/**
 * vha_iotlb_answered() - whether a queue waited for what is translated now
 * @vq: the queue; if so, it does not any more
 * @first: first address that is
 * @last: last one
 *
 * One queue's answer is of no use to the others: were they to look again they
 * would ask again, each for itself.
 *
 * Return: whether it did.
 */
bool vha_iotlb_answered(struct vha_queue *vq, u64 first, u64 last)
{
	struct vha_iotlb *iotlb = vq->dev->iotlb;
	bool answered;

	spin_lock(&iotlb->lock);
	answered = vq->missing && vq->missed_first <= last && vq->missed_last >= first;
	if (answered)
		vq->missing = false;
	spin_unlock(&iotlb->lock);
	return answered;
}
EXPORT_SYMBOL_IF_KUNIT(vha_iotlb_answered);

/**
 * vha_iotlb_next_miss() - take the oldest miss
 * @iotlb: the IOTLB
 * @miss: filled in
 *
 * Return: false when there is none.
 */
bool vha_iotlb_next_miss(struct vha_iotlb *iotlb, struct vha_miss *miss)
{
	bool found;

	spin_lock(&iotlb->lock);
	found = iotlb->nr_misses;
	if (found) {
		*miss = iotlb->misses[iotlb->first_miss];
		iotlb->first_miss = (iotlb->first_miss + 1) % VHA_IOTLB_MISSES_MAX;
		iotlb->nr_misses--;
	}
	spin_unlock(&iotlb->lock);
	return found;
}
EXPORT_SYMBOL_IF_KUNIT(vha_iotlb_next_miss);

static struct vha_iotlb_entry *entry_find(struct vha_iotlb *iotlb, u64 iova)
{
	struct vha_iotlb_entry *entry = iotlb->recent;

	if (entry && entry->iova <= iova && iova <= entry->last)
		return entry;
	entry = entry_first(iotlb, iova);
	if (!entry || entry->iova > iova)
		return NULL;
	iotlb->recent = entry;
	return entry;
}

/*
 * Translate an address to the owner's; @len is reduced to what one entry
 * covers. -EAGAIN when there is no translation: the VMM was asked. -EFAULT
 * when there is one, but not for @write.
 */
static int translate(struct vha_queue *vq, u64 iova, bool write, unsigned long *hva,
		     u64 *len)
{
	u8 perm = write ? VHOST_ACCESS_WO : VHOST_ACCESS_RO;
	struct vha_iotlb *iotlb = vq->dev->iotlb;
	struct vha_iotlb_entry *entry;
	int ret = 0;

	spin_lock(&iotlb->lock);
	entry = entry_find(iotlb, iova);
	if (!entry) {
		miss(vq, iova, perm);
		ret = -EAGAIN;
	} else if (!(entry->perm & perm)) {
		ret = -EFAULT;
	} else {
		*hva = entry->hva + (iova - entry->iova);
		*len = min(*len - 1, entry->last - iova) + 1;
	}
	spin_unlock(&iotlb->lock);
	return ret;
}

/*
 * A chain while it is translated in place. Segments not yet translated stand
 * at the end of the array and shrink away from the translated ones, which
 * grow from its beginning.
 * @segs: the array
 * @written: translated segments
 * @next: index of the first one not translated
 * @start: where the present direction begins; segments of two directions
 *	never merge
 */
struct resolve {
	struct vha_seg *segs;
	u32 written;
	u32 next;
	u32 start;
};

static bool resolve_add(struct resolve *res, u64 gpa, u32 len)
{
	struct vha_seg *last = &res->segs[res->written - 1];

	if (res->written > res->start && last->addr + last->len == gpa &&
	    len <= U32_MAX - last->len) {
		last->len += len;
		return true;
	}
	if (res->written == res->next)
		return false;
	res->segs[res->written++] = (struct vha_seg) { .addr = gpa, .len = len };
	return true;
}

/* Translate the segment @seg, which is a copy: its slot may be written over. */
static int resolve_seg(struct vha_queue *vq, struct resolve *res, struct vha_seg seg,
		       bool write)
{
	while (seg.len) {
		u64 len = seg.len, gpa, left;
		unsigned long hva;
		int ret;

		ret = translate(vq, seg.addr, write, &hva, &len);
		if (ret)
			return ret;
		if (!vha_mem_reverse(vq->dev->mem, hva, &gpa, &left))
			return -EFAULT;
		len = min(len, left);
		if (!resolve_add(res, gpa, len))
			return -EINVAL;
		seg.addr += len;
		seg.len -= len;
	}
	return 0;
}

static int resolve_part(struct vha_queue *vq, struct resolve *res, u16 nr, bool write)
{
	int ret;

	res->start = res->written;
	for (; nr; nr--) {
		struct vha_seg seg = res->segs[res->next++];

		ret = resolve_seg(vq, res, seg, write);
		if (ret)
			return ret;
	}
	return 0;
}

/**
 * vha_iotlb_resolve() - translate a buffer to guest physical addresses
 * @vq: the queue
 * @chain: the buffer; @chain->max beyond its segments is what splitting can
 *	use. On error its segments are undefined: it is to be put back.
 *
 * Segments are split where a translation ends, merged where they turn out to
 * be contiguous, and dropped when empty. Where several guest addresses have
 * the same memory the lowest stands for all.
 *
 * Context: the queue's worker, queue mutex held.
 * Return: 0, -EAGAIN when a translation is missing (the VMM was asked for
 * it), -EINVAL when the segments do not fit, -EFAULT when the guest's IOMMU
 * forbids the access or an address is not in the guest's memory.
 */
int vha_iotlb_resolve(struct vha_queue *vq, struct vha_chain *chain)
{
	u32 nr = chain->out_num + chain->in_num;
	struct resolve res = { .segs = chain->segs, .next = chain->max - nr };
	int ret;

	lockdep_assert_held(&vq->mutex);
	if (!vq->dev->mem)
		return -EFAULT;
	memmove(chain->segs + res.next, chain->segs, nr * sizeof(*chain->segs));
	ret = resolve_part(vq, &res, chain->out_num, false);
	if (ret)
		return ret;
	chain->out_num = res.written;
	ret = resolve_part(vq, &res, chain->in_num, true);
	if (ret)
		return ret;
	chain->in_num = res.written - chain->out_num;
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(vha_iotlb_resolve);

/**
 * vha_iotlb_read_guest() - copy from memory the guest gave an I/O address of
 * @vq: the queue that needs it
 * @iova: the address
 * @dst: where to
 * @len: bytes
 *
 * Context: process, in the owner's address space; the holder of the queue mutex.
 * Return: 0, -EAGAIN when a translation is missing (the VMM was asked for
 * it), -EFAULT when the guest's IOMMU forbids the access or a byte is not in
 * the guest's memory.
 */
int vha_iotlb_read_guest(struct vha_queue *vq, u64 iova, void *dst, u32 len)
{
	struct vha_device *dev = vq->dev;

	if (!dev->mem)
		return -EFAULT;
	while (len) {
		u64 piece = len, gpa, left;
		unsigned long hva;
		int ret;

		ret = translate(vq, iova, false, &hva, &piece);
		if (ret)
			return ret;
		if (!vha_mem_reverse(dev->mem, hva, &gpa, &left))
			return -EFAULT;
		piece = min(piece, left);
		ret = vha_mem_read(dev, gpa, dst, piece);
		if (ret)
			return ret;
		iova += piece;
		dst += piece;
		len -= piece;
	}
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(vha_iotlb_read_guest);

/* Translate each page of a ring part to an address of the owner. */
static int ring_translate(struct vha_queue *vq, u64 iova, u32 size, bool write,
			  unsigned long *hvas)
{
	for (; size; hvas++) {
		u32 piece = min_t(u32, size, PAGE_SIZE - (iova & ~PAGE_MASK));
		u64 len = piece, gpa, left;
		int ret;

		ret = translate(vq, iova, write, hvas, &len);
		if (ret)
			return ret;
		/* A page of the ring has to be a page of the owner. */
		if (len < piece || offset_in_page(*hvas) != (iova & ~PAGE_MASK) ||
		    !vha_mem_reverse(vq->dev->mem, *hvas, &gpa, &left) || left < piece)
			return -EFAULT;
		iova += piece;
		size -= piece;
	}
	return 0;
}

/**
 * vha_iotlb_map_ring() - pin and map a ring part by its I/O address
 * @vq: the queue
 * @map: filled in; all zero before; undone with vha_ring_unmap()
 * @iova: where the part is
 * @size: its size in bytes, not zero
 * @write: whether it will be written
 *
 * The pages may be scattered in the owner's and in guest memory.
 *
 * Context: process, in the owner's address space, may sleep; the holder of the
 * queue mutex.
 * Return: 0, -EAGAIN when a translation is missing (the VMM was asked for
 * it), -EINVAL when the range wraps, -EFAULT, -ENOMEM, -EINTR.
 */
int vha_iotlb_map_ring(struct vha_queue *vq, struct vha_ring_map *map, u64 iova,
		       u32 size, bool write)
{
	struct vha_device *dev = vq->dev;
	unsigned long *hvas;
	u64 last;
	u32 nr;
	int ret;

	if (!size || check_add_overflow(iova, (u64)size - 1, &last))
		return -EINVAL;
	if (!dev->mem)
		return -EFAULT;
	nr = (last >> PAGE_SHIFT) - (iova >> PAGE_SHIFT) + 1;
	hvas = kvmalloc_array(nr, sizeof(*hvas), VHA_GFP_SETUP);
	if (!hvas)
		return -ENOMEM;
	ret = ring_translate(vq, iova, size, write, hvas);
	if (!ret)
		ret = vha_ring_map_pages(map, dev->mm, hvas, nr, write);
	if (ret)
		kvfree(hvas);
	return ret;
}
EXPORT_SYMBOL_IF_KUNIT(vha_iotlb_map_ring);
