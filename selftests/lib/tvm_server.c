// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tiny VMM: a running "vhost-accel serve"
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "tvm_front.h"

#define START_MS	10000

static const char *program(void)
{
	const char *path = getenv("VHOST_ACCEL");

	return path ? path : "vhost-accel";
}

/**
 * tvm_server_prepare() - make a directory and a disk image
 * @server: filled in
 */
int tvm_server_prepare(struct tvm_server *server)
{
	static const char template[] = "/tmp/serve-XXXXXX";
	int fd;

	memset(server, 0, sizeof(*server));
	memcpy(server->dir, template, sizeof(template));
	if (!mkdtemp(server->dir))
		return -errno;
	snprintf(server->socket, sizeof(server->socket), "%s/socket", server->dir);
	snprintf(server->image, sizeof(server->image), "%s/image", server->dir);
	snprintf(server->log, sizeof(server->log), "%s/log", server->dir);
	fd = open(server->image, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, TVM_SERVER_DISK_SIZE))
		return -errno;
	close(fd);
	return 0;
}

/* In the child: as the user @uid in no group but kvm. */
static int become(const struct tvm_server *server, uid_t uid)
{
	struct group *kvm = getgrnam("kvm");
	gid_t group = kvm ? kvm->gr_gid : 0;

	if (!uid)
		return 0;
	if (!kvm || chown(server->dir, uid, uid) || chown(server->image, uid, uid))
		return -1;
	return setgroups(1, &group) || setgid(uid) || setuid(uid);
}

static void __attribute__((noreturn))
execute(const struct tvm_server *server, const char *const *args, uid_t uid)
{
	const char *class = server->class ? server->class : "blk";
	const char *argv[TVM_SERVER_ARGS + 8] = { program(), "serve", class };
	int log = open(server->log, O_WRONLY | O_CREAT | O_APPEND, 0644);
	unsigned int i, nr = 3;

	for (i = 0; args && args[i] && i < TVM_SERVER_ARGS; i++)
		argv[nr++] = args[i];
	if (log < 0 || dup2(log, STDOUT_FILENO) < 0 || dup2(log, STDERR_FILENO) < 0 ||
	    become(server, uid))
		_exit(120);
	execvp(argv[0], (char *const *)argv);
	_exit(121);
}

/**
 * tvm_server_launch() - start a server and do not wait
 * @server: prepared by tvm_server_prepare()
 * @args: all of its options
 * @uid: user to run it as, in group kvm; 0 for the present one
 */
int tvm_server_launch(struct tvm_server *server, const char *const *args, uid_t uid)
{
	fflush(stdout);
	server->pid = fork();
	if (server->pid < 0)
		return -errno;
	if (!server->pid)
		execute(server, args, uid);
	return 0;
}

/**
 * tvm_server_start() - start a server with the image and wait for its socket
 * @server: prepared by tvm_server_prepare()
 * @args: further options, or NULL
 *
 * Return: 0, or -ETIMEDOUT.
 */
int tvm_server_start(struct tvm_server *server, const char *const *args)
{
	const char *all[TVM_SERVER_ARGS + 1] = {
		"--image", server->image, "--socket", server->socket,
	};
	uint64_t end = tvm_clock_ns() + harness_scaled(START_MS) * 1000000ULL;
	unsigned int i;
	int ret;

	for (i = 0; args && args[i]; i++)
		all[4 + i] = args[i];
	ret = tvm_server_launch(server, all, 0);
	while (!ret && access(server->socket, F_OK)) {
		if (tvm_clock_ns() > end || waitpid(server->pid, NULL, WNOHANG))
			return -ETIMEDOUT;
		usleep(10000);
	}
	return ret;
}

/**
 * tvm_server_stop() - wait for a server to end
 * @server: the server
 * @signal: sent to it first, 0 for none
 *
 * Return: its exit status, 128 more than the signal that killed it.
 */
int tvm_server_stop(struct tvm_server *server, int signal)
{
	int status;

	if (server->pid <= 0)
		return -ESRCH;
	if (signal)
		kill(server->pid, signal);
	if (waitpid(server->pid, &status, 0) != server->pid)
		return -errno;
	server->pid = 0;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/**
 * tvm_server_remove() - kill a server and remove its directory
 * @server: the server; may have ended, or never started
 */
void tvm_server_remove(struct tvm_server *server)
{
	tvm_server_stop(server, SIGKILL);
	unlink(server->socket);
	unlink(server->image);
	unlink(server->log);
	rmdir(server->dir);
}

/**
 * tvm_server_fds() - descriptors a server has open
 * @server: the server
 */
int tvm_server_fds(const struct tvm_server *server)
{
	char path[40];
	int count = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", server->pid);
	dir = opendir(path);
	if (!dir)
		return -errno;
	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

/**
 * tvm_server_maps() - mappings of guest memory and logs a server has
 * @server: the server
 */
int tvm_server_maps(const struct tvm_server *server)
{
	char path[40], line[512];
	int count = 0;
	FILE *maps;

	snprintf(path, sizeof(path), "/proc/%d/maps", server->pid);
	maps = fopen(path, "r");
	if (!maps)
		return -errno;
	while (fgets(line, sizeof(line), maps))
		if (strstr(line, "/memfd:"))
			count++;
	fclose(maps);
	return count;
}

/**
 * tvm_server_logged() - what a server printed
 * @server: the server
 * @text: part of a line
 *
 * Return: how many lines have it.
 */
unsigned int tvm_server_logged(const struct tvm_server *server, const char *text)
{
	FILE *log = fopen(server->log, "r");
	unsigned int count = 0;
	char line[1024];

	if (!log)
		return 0;
	while (fgets(line, sizeof(line), log))
		if (strstr(line, text))
			count++;
	fclose(log);
	return count;
}
