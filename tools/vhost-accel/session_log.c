// SPDX-License-Identifier: GPL-2.0-only
/*
 * Requests of the front end about the dirty log
 */
#include <errno.h>

#include "log.h"
#include "session.h"

/**
 * session_check_log() - whether a log has a bit for every guest page
 * @log: the log; if it is none, nothing is logged and all is well
 * @memory: memory table to check against
 *
 * Return: 0, or -EINVAL after a message.
 */
int session_check_log(const struct dirty_log *log, const struct memory *memory)
{
	if (!log->size || dirty_log_covers(log, memory_last_guest_address(memory)))
		return 0;
	log_error("a dirty log of %llu bytes does not cover the memory table",
		  (unsigned long long)log->size);
	return -EINVAL;
}

/**
 * session_set_log_base() - SET_LOG_BASE
 * @session: the session
 *
 * Return: 0, or a negative errno after a message.
 */
int session_set_log_base(struct session *session)
{
	const struct vhost_user_log *request = &session->message.payload.log;
	struct dirty_log next = { 0 };
	int result;

	result = dirty_log_map(&next, session->message.fds[0], request->offset,
			       request->size);
	if (!result)
		result = session_check_log(&next, &session->memory);
	if (!result)
		result = dirty_log_install(&next, session->setup->device);
	if (result) {
		dirty_log_release(&next);
		return result;
	}
	dirty_log_release(&session->log);
	session->log = next;
	session->reply_size = 0;
	return 0;
}

/**
 * session_set_log_fd() - SET_LOG_FD
 * @session: the session
 *
 * Return: 0, or a negative errno after a message.
 */
int session_set_log_fd(struct session *session)
{
	int fd = session->message.fds[0];

	return DEVICE_CALL(session->setup->device, VHOST_SET_LOG_FD, &fd);
}
