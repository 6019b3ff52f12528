// SPDX-License-Identifier: GPL-2.0-only
/*
 * The command "serve": waiting for what happens. One event is taken at a time,
 * because handling one may close what the next one would be about.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "exit_status.h"
#include "log.h"
#include "serve.h"

/*
 * To close a descriptor is not enough to stop waiting for it when somebody else
 * has it open as well, as a front end has the channel it gave.
 */
static void unwatch(struct serve *serve, enum serve_source index)
{
	struct source *source = &serve->sources[index];

	if (source->events)
		epoll_ctl(serve->epoll, EPOLL_CTL_DEL, source->fd, NULL);
	source->events = 0;
	source->fd = -1;
}

/* The session is over; @result is negative if it ended with an error. */
static int end_session(struct serve *serve, int result)
{
	log_info("front end disconnected%s", result < 0 ? " because of an error" : "");
	serve->failed = result < 0;
	unwatch(serve, SERVE_CHANNEL);
	unwatch(serve, SERVE_CONNECTION);
	if (session_end(&serve->session)) {
		log_error("the device can not be reset");
		return STATUS_SESSION;
	}
	if (serve->options.one_shot)
		serve->stop = true;
	return STATUS_OK;
}

static void print_stats(struct serve *serve)
{
	char *text;
	size_t size;

	if (stats_format(&serve->stats, &text, &size))
		return;
	if (write(STDERR_FILENO, text, size) < 0)
		log_error("statistics: %s", strerror(errno));
	free(text);
}

static int signal_ready(struct serve *serve)
{
	struct signalfd_siginfo info;

	if (read(serve->sources[SERVE_SIGNAL].fd, &info, sizeof(info)) != sizeof(info))
		return STATUS_OK;
	if (info.ssi_signo == SIGUSR1) {
		print_stats(serve);
	} else {
		log_info("stopped by %s", strsignal(info.ssi_signo));
		serve->stop = true;
	}
	return STATUS_OK;
}

static int listener_ready(struct serve *serve)
{
	int fd = endpoint_accept(&serve->endpoint);

	if (fd < 0)
		return STATUS_OK;
	log_info("front end connected");
	session_begin(&serve->session, fd);
	return STATUS_OK;
}

static int connection_ready(struct serve *serve)
{
	int result = session_receive(&serve->session);

	return result ? end_session(serve, result) : STATUS_OK;
}

static int channel_ready(struct serve *serve)
{
	struct session *session = &serve->session;
	int result = session->channel.pending ? channel_flush(&session->channel) :
		     session_window_reply(session);

	return result ? end_session(serve, result) : STATUS_OK;
}

static int config_ready(struct serve *serve)
{
	eventfd_t count;
	int result;

	if (eventfd_read(serve->setup.config_call, &count))
		return STATUS_OK;
	if (serve->session.fd < 0)
		return STATUS_OK;
	result = session_config_changed(&serve->session);
	return result ? end_session(serve, result) : STATUS_OK;
}

static int node_ready(struct serve *serve)
{
	int result = session_forward_iotlb(&serve->session);

	return result ? end_session(serve, result) : STATUS_OK;
}

static int window_ready(struct serve *serve)
{
	eventfd_t count;
	int result;

	if (eventfd_read(serve->device.window_event, &count))
		return STATUS_OK;
	result = session_window_request(&serve->session);
	return result ? end_session(serve, result) : STATUS_OK;
}

/* A client has connected: send it the present values and be done with it. */
static int stats_ready(struct serve *serve)
{
	int fd = endpoint_accept(&serve->stats_endpoint);
	char *text;
	size_t size;

	if (fd < 0)
		return STATUS_OK;
	if (!stats_format(&serve->stats, &text, &size)) {
		if (send(fd, text, size, MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)size)
			log_error("statistics: %s", strerror(errno));
		free(text);
	}
	close(fd);
	return STATUS_OK;
}

static int timer_ready(struct serve *serve)
{
	uint64_t count;

	if (read(serve->sources[SERVE_TIMER].fd, &count, sizeof(count)) == sizeof(count))
		print_stats(serve);
	return STATUS_OK;
}

/* What is to be waited for in the present state; the descriptor and the events. */
static uint32_t wanted(const struct serve *serve, enum serve_source source, int *fd)
{
	const struct session *session = &serve->session;
	bool connected = session->fd >= 0;

	switch (source) {
	case SERVE_LISTENER:
		*fd = serve->endpoint.listener;
		return connected ? 0 : EPOLLIN;
	case SERVE_CONNECTION:
		*fd = session->fd;
		return EPOLLIN;
	case SERVE_CHANNEL:
		*fd = session->channel.fd;
		return session->channel.pending ? EPOLLOUT :
		       session->channel.waiting ? EPOLLIN : 0;
	case SERVE_CONFIG:
		*fd = serve->setup.config_call;
		return channel_busy(&session->channel) ? 0 : EPOLLIN;
	case SERVE_NODE:
		*fd = serve->device.fd;
		return session_wants_iotlb(session) ? EPOLLIN : 0;
	case SERVE_WINDOW:
		*fd = serve->device.window_event;
		return connected && !channel_busy(&session->channel) ? EPOLLIN : 0;
	case SERVE_STATS:
		*fd = serve->stats_endpoint.listener;
		return EPOLLIN;
	default:
		*fd = serve->sources[source].fd;
		return EPOLLIN;
	}
}

static int watch_source(struct serve *serve, enum serve_source index)
{
	struct source *source = &serve->sources[index];
	struct epoll_event event = { .data.u32 = index };
	int fd, operation;

	event.events = wanted(serve, index, &fd);
	if (fd < 0)
		event.events = 0;
	if (fd != source->fd)
		unwatch(serve, index);
	source->fd = fd;
	if (event.events == source->events)
		return 0;
	operation = !event.events ? EPOLL_CTL_DEL :
		    source->events ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
	if (epoll_ctl(serve->epoll, operation, fd, &event)) {
		log_error("epoll: descriptor %d: %s", fd, strerror(errno));
		return -errno;
	}
	source->events = event.events;
	return 0;
}

static int open_signals(void)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGUSR1);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	return signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int open_timer(unsigned int seconds)
{
	struct itimerspec interval = {
		.it_interval.tv_sec = seconds,
		.it_value.tv_sec = seconds,
	};
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);

	if (fd >= 0)
		timerfd_settime(fd, 0, &interval, NULL);
	return fd;
}

static int (*const ready_functions[SERVE_SOURCES])(struct serve *serve) = {
	[SERVE_SIGNAL] = signal_ready,
	[SERVE_LISTENER] = listener_ready,
	[SERVE_CONNECTION] = connection_ready,
	[SERVE_CHANNEL] = channel_ready,
	[SERVE_CONFIG] = config_ready,
	[SERVE_NODE] = node_ready,
	[SERVE_WINDOW] = window_ready,
	[SERVE_STATS] = stats_ready,
	[SERVE_TIMER] = timer_ready,
};

/**
 * serve_watch() - prepare to wait
 * @serve: the command, with everything opened
 *
 * Return: 0, or a negative errno after a message.
 */
int serve_watch(struct serve *serve)
{
	unsigned int i;

	for (i = 0; i < SERVE_SOURCES; i++) {
		serve->sources[i].fd = -1;
		serve->sources[i].ready = ready_functions[i];
	}
	serve->epoll = epoll_create1(EPOLL_CLOEXEC);
	serve->sources[SERVE_SIGNAL].fd = open_signals();
	if (serve->epoll < 0 || serve->sources[SERVE_SIGNAL].fd < 0) {
		log_error("epoll: %s", strerror(errno));
		return -errno;
	}
	if (serve->options.stats_interval)
		serve->sources[SERVE_TIMER].fd = open_timer(serve->options.stats_interval);
	return 0;
}

/* Nothing to wait for is nothing to wait with, except signals. */
static int wait_and_handle(struct serve *serve)
{
	struct epoll_event event;
	unsigned int i;
	int count;

	for (i = 0; i < SERVE_SOURCES; i++)
		if (watch_source(serve, i))
			return i == SERVE_CHANNEL || i == SERVE_NODE ?
			       end_session(serve, -EPROTO) : STATUS_ENVIRONMENT;
	count = epoll_wait(serve->epoll, &event, 1, -1);
	if (count < 0 && errno != EINTR) {
		log_error("epoll: %s", strerror(errno));
		return STATUS_ENVIRONMENT;
	}
	return count > 0 ? serve->sources[event.data.u32].ready(serve) : STATUS_OK;
}

/**
 * serve_loop() - serve front ends until told to stop
 * @serve: the command, prepared by serve_watch()
 *
 * Return: the exit status.
 */
int serve_loop(struct serve *serve)
{
	int status = STATUS_OK;

	while (!serve->stop && !status)
		status = wait_and_handle(serve);
	if (!status && serve->options.one_shot && serve->failed)
		status = STATUS_SESSION;
	return status;
}
