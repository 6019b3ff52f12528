/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The command "serve"
 */
#ifndef VHOST_ACCEL_SERVE_H
#define VHOST_ACCEL_SERVE_H

#include "class.h"
#include "endpoint.h"
#include "session.h"
#include "stats.h"

/**
 * struct serve_options - options of all classes
 * @help: print help and exit
 * @capabilities: print capabilities and exit
 * @verbose: log every request
 * @socket: path to listen on
 * @socket_mode: file mode of that path, -1 for the umask's
 * @fd: inherited socket, -1 for none
 * @one_shot: exit when the first front end is gone
 * @node: node to use, NULL for the class's
 * @workers: number of workers, 0 for one per queue
 * @poll_us: how long workers poll
 * @pin_memory: pin the memory table
 * @stats_socket: path of the statistics socket
 * @stats_interval: seconds between two statistics on standard error, 0 for never
 */
struct serve_options {
	bool help;
	bool capabilities;
	bool verbose;
	const char *socket;
	int socket_mode;
	int fd;
	bool one_shot;
	const char *node;
	unsigned int workers;
	unsigned int poll_us;
	bool pin_memory;
	const char *stats_socket;
	unsigned int stats_interval;
};

struct serve;

/**
 * struct source - a descriptor that is waited for
 * @fd: the descriptor, -1 when there is none
 * @events: epoll events waited for at present
 * @ready: called when one has happened; 0, or an exit status after a message
 */
struct source {
	int fd;
	uint32_t events;
	int (*ready)(struct serve *serve);
};

/**
 * enum serve_source - what is waited for
 * @SERVE_SIGNAL: signals
 * @SERVE_LISTENER: front ends that connect
 * @SERVE_CONNECTION: requests of the one that is connected
 * @SERVE_CHANNEL: room for requests to it, and replies
 * @SERVE_CONFIG: announcements of changed configuration
 * @SERVE_NODE: translations the kernel asks for
 * @SERVE_WINDOW: what the kernel wants done to the window
 * @SERVE_STATS: clients that want statistics
 * @SERVE_TIMER: time for statistics
 */
enum serve_source {
	SERVE_SIGNAL,
	SERVE_LISTENER,
	SERVE_CONNECTION,
	SERVE_CHANNEL,
	SERVE_CONFIG,
	SERVE_NODE,
	SERVE_WINDOW,
	SERVE_STATS,
	SERVE_TIMER,
	SERVE_SOURCES
};

/**
 * struct serve - the running command
 * @options: options of all classes
 * @class: the class
 * @class_options: its options
 * @device: the node
 * @setup: what sessions need of it
 * @session: the front end
 * @endpoint: where front ends come from
 * @stats_endpoint: where clients that want statistics come from
 * @stats: the statistics
 * @epoll: epoll descriptor
 * @sources: what is waited for
 * @stop: leave the loop
 * @failed: the last session ended with an error
 */
struct serve {
	struct serve_options options;
	const struct device_class *class;
	void *class_options;
	struct device device;
	struct session_setup setup;
	struct session session;
	struct endpoint endpoint;
	struct endpoint stats_endpoint;
	struct stats stats;
	int epoll;
	struct source sources[SERVE_SOURCES];
	bool stop;
	bool failed;
};

int serve_command(int argc, char **argv);
int serve_class(const struct device_class *class, int argc, char **argv);

/* serve_options.c */
int serve_parse(struct serve *serve, int argc, char **argv);
void serve_help(const struct device_class *class, FILE *stream);

/* serve_loop.c */
int serve_watch(struct serve *serve);
int serve_loop(struct serve *serve);

#endif /* VHOST_ACCEL_SERVE_H */
