// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who has which CID
 */
#include <linux/hashtable.h>
#include <linux/mutex.h>

#include "vsock.h"

/*
 * Inside the device mutex and the mutex of a queue. Protects changes of the table and
 * of all CIDs.
 */
static DEFINE_MUTEX(table_mutex);
static DEFINE_HASHTABLE(table, 8);
/* How often somebody got a CID. */
static u64 tenures;

/**
 * vha_vsock_find() - the device of a guest
 * @cid: the guest's CID
 * @net: network namespace of who asks
 *
 * Context: RCU, which also keeps the device; or the table's mutex held.
 * Return: the device, or NULL when there is none that @net may talk to.
 */
struct vha_vsock *vha_vsock_find(u64 cid, struct net *net)
{
	struct vha_vsock *vsock;

	hash_for_each_possible_rcu(table, vsock, node, (u32)cid, lockdep_is_held(&table_mutex))
		if (READ_ONCE(vsock->cid) == cid && vsock_net_check_mode(net, vsock->net))
			return vsock;
	return NULL;
}

static void table_add(struct vha_vsock *vsock, u32 cid)
{
	lockdep_assert_held(&table_mutex);
	WRITE_ONCE(vsock->cid, cid);
	hash_add_rcu(table, &vsock->node, cid);
}

/* Afterwards nobody has seen the device there and still uses it. */
static void table_del(struct vha_vsock *vsock)
{
	lockdep_assert_held(&table_mutex);
	hash_del_rcu(&vsock->node);
	synchronize_rcu();
	WRITE_ONCE(vsock->cid, 0);
}

/*
 * Closes the connections of a guest that is not in the table: before the mutex is
 * released, or they were those of whoever has the CID next.
 */
static void disconnect(struct vha_vsock *vsock)
{
	lockdep_assert_held(&table_mutex);
	vha_vsock_reset_orphans();
	vha_vsock_replies_gone(vsock, vha_vsock_sched_cancel(&vsock->sched, NULL));
}

/*
 * To change the guest's CID. A packet of the guest that was accepted under its old
 * CID is delivered by then, and not under somebody else's. That may take as long as a
 * program of the host holds a socket, so the table's mutex is only taken after.
 */
static void table_lock(struct vha_vsock *vsock)
{
	lockdep_assert_held(&vsock->dev.mutex);
	mutex_lock(&vsock->dev.vqs[VSOCK_VQ_TX]->mutex);
	mutex_lock(&table_mutex);
}

static void table_unlock(struct vha_vsock *vsock)
{
	mutex_unlock(&table_mutex);
	mutex_unlock(&vsock->dev.vqs[VSOCK_VQ_TX]->mutex);
}

/**
 * vha_vsock_set_cid() - give a guest a CID
 * @vsock: its device
 * @cid: the CID
 *
 * Connections made under another CID are closed.
 *
 * Return: 0; -EINVAL for a reserved CID or one of more than 32 bits, -EADDRINUSE
 * when another guest that can be reached from here, or this machine, has it.
 */
int vha_vsock_set_cid(struct vha_vsock *vsock, u64 cid)
{
	struct vha_vsock *other;
	int ret = 0;

	if (!vha_vsock_cid_valid(cid))
		return -EINVAL;
	/* If this machine is a guest itself, it reaches itself by its CID. */
	if (vsock_find_cid(cid))
		return -EADDRINUSE;
	table_lock(vsock);
	other = vha_vsock_find(cid, vsock->net);
	if (other && other != vsock)
		ret = -EADDRINUSE;
	if (ret || vsock->cid == cid)
		goto out;
	if (vsock->cid) {
		table_del(vsock);
		disconnect(vsock);
	}
	vsock->tenure = ++tenures;
	table_add(vsock, cid);
out:
	table_unlock(vsock);
	return ret;
}

/**
 * vha_vsock_clear_cid() - take a guest's CID back, and close its connections
 * @vsock: its device
 */
void vha_vsock_clear_cid(struct vha_vsock *vsock)
{
	lockdep_assert_held(&vsock->dev.mutex);
	if (!vsock->cid)
		return;
	table_lock(vsock);
	table_del(vsock);
	disconnect(vsock);
	table_unlock(vsock);
}

/**
 * vha_vsock_disconnect() - close the connections of a guest
 * @vsock: its device
 */
void vha_vsock_disconnect(struct vha_vsock *vsock)
{
	u32 cid = vsock->cid;

	lockdep_assert_held(&vsock->dev.mutex);
	if (!cid)
		return;
	table_lock(vsock);
	table_del(vsock);
	disconnect(vsock);
	table_add(vsock, cid);
	table_unlock(vsock);
}
