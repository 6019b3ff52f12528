// SPDX-License-Identifier: GPL-2.0-only
/*
 * The window of shared memory, which is the front end's: what the kernel wants
 * mapped there it is asked to map
 */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "log.h"
#include "session.h"

/* The kernel has forgotten a request whose device was reset meanwhile. */
static int finish_request(struct session *session, uint32_t id, uint32_t error)
{
	struct vha_video_done done = { .id = id, .error = error };

	if (!ioctl(session->setup->device->fd, VHA_VIDEO_REQUEST_DONE, &done) ||
	    errno == ENOENT)
		return 0;
	log_error("VHA_VIDEO_REQUEST_DONE: %s", strerror(errno));
	return -errno;
}

/* A front end that can not be asked, or will not say whether it did it. */
static bool can_ask(const struct session *session)
{
	const uint64_t needed = VHOST_USER_PROTOCOL_SHMEM | VHOST_USER_PROTOCOL_REPLY_ACK;

	return session->channel.fd >= 0 &&
	       (session->protocol_features & needed) == needed;
}

static int ask(struct session *session, const struct vha_video_request *request)
{
	bool map = request->type == VHA_VIDEO_REQUEST_MAP;
	struct vhost_user_map message = {
		.fd_offset = request->offset,
		.region_offset = request->window_offset,
		.size = request->size,
		.flags = request->flags & VHA_VIDEO_REQUEST_F_WRITE ? VHOST_USER_MAP_WRITE : 0,
	};

	log_debug("%s: window offset %#llx, %#llx bytes", map ? "SHMEM_MAP" : "SHMEM_UNMAP",
		  (unsigned long long)message.region_offset, (unsigned long long)message.size);
	session->window_request = request->id;
	return channel_send_map(&session->channel, map ? VHOST_USER_BACKEND_SHMEM_MAP :
				VHOST_USER_BACKEND_SHMEM_UNMAP, &message, request->fd);
}

/**
 * session_window_request() - pass on what the kernel wants done to the window
 * @session: the session, on whose channel nothing waits
 *
 * Return: 0, or a negative errno after a message.
 */
int session_window_request(struct session *session)
{
	struct vha_video_request request;

	if (ioctl(session->setup->device->fd, VHA_VIDEO_GET_REQUEST, &request)) {
		if (errno == EAGAIN)
			return 0;
		log_error("VHA_VIDEO_GET_REQUEST: %s", strerror(errno));
		return -errno;
	}
	if (can_ask(session))
		return ask(session, &request);
	log_debug("the front end has no window");
	if (request.fd >= 0)
		close(request.fd);
	return finish_request(session, request.id, ENODEV);
}

/**
 * session_window_reply() - the front end has done it, or has not
 * @session: the session, on whose channel a request waits for its reply
 *
 * Return: 0, or a negative errno after a message.
 */
int session_window_reply(struct session *session)
{
	uint64_t failed;
	int result;

	result = channel_receive(&session->channel, &failed);
	if (result)
		return result == -EAGAIN ? 0 : result;
	if (failed)
		log_info("the front end can not do what the guest wants of the window");
	return finish_request(session, session->window_request, failed ? EIO : 0);
}
