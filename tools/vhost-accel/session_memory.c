// SPDX-License-Identifier: GPL-2.0-only
/*
 * Requests of the front end about memory
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "session.h"

static int write_iotlb(const struct session *session, const struct vhost_iotlb_msg *iotlb)
{
	struct vhost_msg_v2 message = { .type = VHOST_IOTLB_MSG_V2, .iotlb = *iotlb };

	if (write(session->setup->device->fd, &message, sizeof(message)) ==
	    sizeof(message))
		return 0;
	log_error("IOTLB message: %s", strerror(errno));
	return -errno;
}

/*
 * Translations lead to addresses in this process. After a mapping is gone they
 * must not lead to what comes to lie in its place; the kernel asks again for
 * those that are still needed.
 */
static int drop_translations(const struct session *session)
{
	/* No bytes from address 0 on stand for all there are. */
	struct vhost_iotlb_msg iotlb = { .type = VHOST_IOTLB_INVALIDATE };

	struct ring_context context;

	session_ring_context(session, &context);
	return context.iova ? write_iotlb(session, &iotlb) : 0;
}

static int pin_memory(const struct session *session)
{
	struct vha_pin_memory pin = { .flags = VHA_PIN_F_ENABLE };

	if (!session->setup->pin_memory || !session->memory.num_regions)
		return 0;
	return DEVICE_CALL(session->setup->device, VHA_PIN_MEMORY, &pin);
}

/* Make the prepared table the valid one. */
static int commit(struct session *session)
{
	struct memory *next = &session->next_memory;
	struct memory old;
	int result;

	result = session_check_log(&session->log, next);
	if (!result)
		result = memory_install(next, session->setup->device);
	if (result) {
		memory_release(next, &session->memory);
		return result;
	}
	old = session->memory;
	session->memory = *next;
	result = drop_translations(session);
	memory_release(&old, &session->memory);
	return result ? result : pin_memory(session);
}

/**
 * session_set_memory() - SET_MEM_TABLE
 * @session: the session
 *
 * Return: 0, or a negative errno after a message.
 */
int session_set_memory(struct session *session)
{
	const struct vhost_user_memory *memory = &session->message.payload.memory;
	struct memory *next = &session->next_memory;
	unsigned int i;
	int result;

	next->num_regions = 0;
	for (i = 0; i < memory->num_regions; i++) {
		result = memory_add(next, &session->memory, &memory->regions[i],
				    session->message.fds[i]);
		if (result)
			goto unmap;
	}
	return commit(session);

unmap:
	memory_release(next, &session->memory);
	return result;
}

/**
 * session_add_region() - ADD_MEM_REG
 * @session: the session
 *
 * Return: 0, or a negative errno after a message.
 */
int session_add_region(struct session *session)
{
	int result;

	session->next_memory = session->memory;
	result = memory_add(&session->next_memory, &session->memory,
			    &session->message.payload.region.region, session->message.fds[0]);
	return result ? result : commit(session);
}

/**
 * session_remove_region() - REM_MEM_REG
 * @session: the session
 *
 * Return: 0, or a negative errno after a message.
 */
int session_remove_region(struct session *session)
{
	int result;

	session->next_memory = session->memory;
	result = memory_remove(&session->next_memory,
			       &session->message.payload.region.region);
	return result ? result : commit(session);
}

/**
 * session_max_regions() - GET_MAX_MEM_SLOTS
 * @session: the session
 *
 * Return: 0.
 */
int session_max_regions(struct session *session)
{
	unsigned int max = session->setup->device->info.max_mem_regions;

	session->message.payload.u64 = max < MEMORY_MAX_REGIONS ? max : MEMORY_MAX_REGIONS;
	session->reply_size = sizeof(uint64_t);
	return 0;
}

/* A translation may span regions that do not follow each other here. */
static int update_iotlb(const struct session *session, struct vhost_iotlb_msg iotlb)
{
	uint64_t left = iotlb.size, user_address = iotlb.uaddr;
	int result;

	if (!left) {
		log_error("IOTLB_MSG: a translation of no bytes");
		return -EINVAL;
	}
	while (left) {
		iotlb.size = memory_contiguous(&session->memory, user_address);
		if (!iotlb.size) {
			log_error("IOTLB_MSG: %#llx is not in the memory table",
				  (unsigned long long)user_address);
			return -EFAULT;
		}
		if (iotlb.size > left)
			iotlb.size = left;
		iotlb.uaddr = memory_translate(&session->memory, user_address, iotlb.size);
		result = write_iotlb(session, &iotlb);
		if (result)
			return result;
		left -= iotlb.size;
		user_address += iotlb.size;
		iotlb.iova += iotlb.size;
	}
	return 0;
}

/**
 * session_iotlb() - IOTLB_MSG
 * @session: the session
 *
 * Always answered: the front end has to know when an invalidation has taken
 * effect.
 *
 * Return: 0; whether it succeeded is in the reply.
 */
int session_iotlb(struct session *session)
{
	const struct vhost_iotlb_msg *iotlb = &session->message.payload.iotlb;
	int result;

	switch (iotlb->type) {
	case VHOST_IOTLB_UPDATE:
		result = update_iotlb(session, *iotlb);
		break;
	case VHOST_IOTLB_INVALIDATE:
		result = write_iotlb(session, iotlb);
		break;
	default:
		log_error("IOTLB_MSG: type %u is not for a back end", iotlb->type);
		result = -EINVAL;
	}
	session->message.payload.u64 = !!result;
	session->reply_size = sizeof(uint64_t);
	return 0;
}
