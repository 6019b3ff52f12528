// SPDX-License-Identifier: GPL-2.0-only
/*
 * serve: the program itself. Options, sockets, signals, users, exit statuses.
 */
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tvm_serve.h"

#define STATUS_USAGE		1
#define STATUS_ENVIRONMENT	2
#define STATUS_SESSION		3
#define NOBODY			65534

static const struct tvm_config split = { .event_idx = true };

FIXTURE(program) {
	struct tvm_serve serve;
	struct tvm_server *server;
};

FIXTURE_SETUP(program)
{
	self->server = &self->serve.server;
	self->serve.front.fd = -1;
	tvm_mem_create_default(&self->serve.mem);
	ASSERT_EQ(tvm_server_prepare(self->server), 0);
}

FIXTURE_TEARDOWN(program)
{
	tvm_serve_destroy(&self->serve);
}

#define ARGS(...)	((const char *const []){ __VA_ARGS__, NULL })

static int run(struct program_fixture *self, const char *const *args)
{
	ASSERT_EQ(tvm_server_launch(self->server, args, 0), 0);
	return tvm_server_stop(self->server, 0);
}

TEST_F(program, wrong_usage)
{
	const char *image = self->server->image, *path = self->server->socket;

	EXPECT_EQ(run(self, ARGS("--socket", path)), STATUS_USAGE);
	EXPECT_EQ(run(self, ARGS("--image", image)), STATUS_USAGE);
	EXPECT_EQ(run(self, ARGS("--image", image, "--device", image, "--socket", path)),
		  STATUS_USAGE);
	EXPECT_EQ(run(self, ARGS("--image", image, "--socket", path, "--fd", "3")),
		  STATUS_USAGE);
	EXPECT_EQ(run(self, ARGS("--image", image, "--socket", path, "--none")),
		  STATUS_USAGE);
	EXPECT_EQ(run(self, ARGS("--image", image, "--socket", path, "word")), STATUS_USAGE);
	EXPECT_EQ(run(self, ARGS("--image", image, "--socket")), STATUS_USAGE);
	EXPECT_EQ(run(self, ARGS("--block-size", "1000")), STATUS_USAGE);
	EXPECT_EQ(run(self, ARGS("--num-queues", "0")), STATUS_USAGE);
	EXPECT_EQ(run(self, ARGS("--workers", "many")), STATUS_USAGE);
	EXPECT_EQ(run(self, ARGS("--write-cache", "maybe")), STATUS_USAGE);
	EXPECT_EQ(run(self, ARGS("--serial", "a serial number of 30 letters.")),
		  STATUS_USAGE);
	EXPECT_EQ(tvm_server_logged(self->server, "vhost-accel: error: "), 12U);
	EXPECT_NE(access(path, F_OK), 0);
}

TEST_F(program, wrong_environment)
{
	const char *image = self->server->image, *path = self->server->socket;

	EXPECT_EQ(run(self, ARGS("--image", "/nowhere", "--socket", path)),
		  STATUS_ENVIRONMENT);
	EXPECT_EQ(run(self, ARGS("--image", "/dev/null", "--socket", path)),
		  STATUS_ENVIRONMENT);
	EXPECT_EQ(run(self, ARGS("--device", image, "--socket", path)), STATUS_ENVIRONMENT);
	EXPECT_EQ(run(self, ARGS("--image", image, "--socket", "/nowhere/socket")),
		  STATUS_ENVIRONMENT);
	EXPECT_EQ(run(self, ARGS("--image", image, "--socket", path, "--node", "/dev/null")),
		  STATUS_ENVIRONMENT);
	EXPECT_EQ(run(self, ARGS("--image", image, "--socket", path, "--node", "/nowhere")),
		  STATUS_ENVIRONMENT);
	EXPECT_EQ(run(self, ARGS("--image", image, "--fd", "100")), STATUS_ENVIRONMENT);
	EXPECT_EQ(run(self, ARGS("--image", image, "--fd", "0")), STATUS_ENVIRONMENT);
	EXPECT_EQ(run(self, ARGS("--image", image, "--socket", path, "--workers", "1024")),
		  STATUS_ENVIRONMENT);
	EXPECT_EQ(tvm_server_logged(self->server, "is the module loaded?"), 1U);
	EXPECT_NE(access(path, F_OK), 0);
}

TEST_F(program, help_and_capabilities)
{
	EXPECT_EQ(run(self, ARGS("--help")), 0);
	EXPECT_EQ(run(self, ARGS("--print-capabilities")), 0);
	/* Other options do not matter then, not even wrong ones. */
	EXPECT_EQ(run(self, ARGS("--fd=x", "--print-capabilities", "--none")), 0);
	EXPECT_EQ(tvm_server_logged(self->server, "--num-queues"), 1U);
	EXPECT_EQ(tvm_server_logged(self->server, "\"type\": \"block\""), 2U);
}

TEST_F(program, ends_with_sigterm)
{
	ASSERT_EQ(tvm_server_start(self->server, NULL), 0);
	ASSERT_EQ(tvm_front_connect(&self->serve.front, self->server->socket), 0);
	tvm_serve_queue(&self->serve, &split, 0);
	tvm_serve_io(&self->serve, 0, 1);
	EXPECT_EQ(tvm_server_stop(self->server, SIGTERM), 0);
	EXPECT_NE(access(self->server->socket, F_OK), 0);
	EXPECT_TRUE(tvm_front_closed(&self->serve.front, 1000));
}

/* Guest memory lives on, the device does not. */
TEST_F(program, killed)
{
	unsigned int round;

	for (round = 0; round < 5; round++) {
		ASSERT_EQ(tvm_server_start(self->server, NULL), 0);
		ASSERT_EQ(tvm_front_connect(&self->serve.front, self->server->socket), 0);
		tvm_serve_queue(&self->serve, &split, 0);
		tvm_serve_io(&self->serve, 0, round);
		EXPECT_EQ(tvm_server_stop(self->server, SIGKILL), 128 + SIGKILL);
		tvm_front_close(&self->serve.front);
		tvm_queue_destroy(&self->serve.vq);
	}
	/* Its socket is still there, and replaced. */
	EXPECT_EQ(access(self->server->socket, F_OK), 0);
}

TEST_F(program, socket_in_use)
{
	struct tvm_server other = *self->server;
	struct stat status;

	ASSERT_EQ(tvm_server_start(self->server, ARGS("--socket-mode", "0640")), 0);
	ASSERT_EQ(stat(self->server->socket, &status), 0);
	EXPECT_EQ(status.st_mode & 0777, 0640U);
	ASSERT_EQ(tvm_server_launch(&other, ARGS("--image", self->server->image, "--socket",
						 self->server->socket), 0), 0);
	EXPECT_EQ(tvm_server_stop(&other, 0), STATUS_ENVIRONMENT);
	EXPECT_EQ(access(self->server->socket, F_OK), 0);
	EXPECT_EQ(tvm_server_stop(self->server, SIGINT), 0);
}

TEST_F(program, one_front_end_at_a_time)
{
	struct tvm_front second;
	uint64_t features;
	struct pollfd wait;

	ASSERT_EQ(tvm_server_start(self->server, NULL), 0);
	ASSERT_EQ(tvm_front_connect(&self->serve.front, self->server->socket), 0);
	ASSERT_EQ(tvm_front_get(&self->serve.front, TVM_USER_GET_FEATURES, &features), 0);
	ASSERT_EQ(tvm_front_connect(&second, self->server->socket), 0);
	ASSERT_EQ(tvm_front_send(&second, TVM_USER_GET_FEATURES, 0, NULL, 0, NULL, 0), 0);
	wait = (struct pollfd){ .fd = second.fd, .events = POLLIN };
	EXPECT_EQ(poll(&wait, 1, 300), 0);
	tvm_front_close(&self->serve.front);
	EXPECT_EQ(poll(&wait, 1, harness_scaled(5000)), 1);
	tvm_front_close(&second);
}

TEST_F_TIMEOUT(program, reconnect, 200)
{
	unsigned int round, rounds = harness_rounds(100, 20);
	int fds, maps;

	ASSERT_EQ(tvm_server_start(self->server, NULL), 0);
	tvm_serve_reconnect(&self->serve);
	fds = tvm_server_fds(self->server);
	maps = tvm_server_maps(self->server);
	for (round = 0; round < rounds; round++) {
		tvm_mem_destroy(&self->serve.mem);
		tvm_mem_create_default(&self->serve.mem);
		tvm_serve_queue(&self->serve, &split, 0);
		tvm_serve_io(&self->serve, round * 32, round);
		/* With the queue running, and without a word. */
		tvm_serve_reconnect(&self->serve);
		ASSERT_EQ(tvm_server_fds(self->server), fds);
		ASSERT_EQ(tvm_server_maps(self->server), maps);
	}
}

TEST_F(program, one_shot)
{
	struct tvm_user_header wrong = { 0, 0, 0 };

	ASSERT_EQ(tvm_server_start(self->server, ARGS("--one-shot")), 0);
	tvm_serve_reconnect(&self->serve);
	tvm_front_close(&self->serve.front);
	EXPECT_EQ(tvm_server_stop(self->server, 0), 0);
	ASSERT_EQ(tvm_server_start(self->server, ARGS("--one-shot")), 0);
	tvm_serve_reconnect(&self->serve);
	ASSERT_EQ(tvm_front_raw(self->serve.front.fd, &wrong, sizeof(wrong), NULL, 0), 0);
	EXPECT_EQ(tvm_server_stop(self->server, 0), STATUS_SESSION);
	EXPECT_NE(access(self->server->socket, F_OK), 0);
}

/* An inherited socket at the descriptor the server gets it at. */
static void inherit(int fd, int at)
{
	ASSERT_EQ(dup2(fd, at), at);
	close(fd);
}

TEST_F(program, connected_descriptor)
{
	int pair[2];

	ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	inherit(pair[1], 50);
	ASSERT_EQ(tvm_server_launch(self->server, ARGS("--image", self->server->image, "--fd",
						       "50"), 0), 0);
	close(50);
	self->serve.front.fd = pair[0];
	tvm_serve_queue(&self->serve, &split, 0);
	tvm_serve_io(&self->serve, 0, 1);
	tvm_front_close(&self->serve.front);
	EXPECT_EQ(tvm_server_stop(self->server, 0), 0);
}

static int listen_on(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	ASSERT_EQ(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	ASSERT_EQ(listen(fd, 1), 0);
	return fd;
}

TEST_F(program, listening_descriptor)
{
	inherit(listen_on(self->server->socket), 50);
	ASSERT_EQ(tvm_server_launch(self->server, ARGS("--blk-file", self->server->image,
						       "--fd", "50"), 0), 0);
	close(50);
	ASSERT_EQ(tvm_front_connect(&self->serve.front, self->server->socket), 0);
	tvm_serve_queue(&self->serve, &split, 0);
	tvm_serve_io(&self->serve, 0, 1);
	tvm_serve_reconnect(&self->serve);
	EXPECT_EQ(tvm_server_stop(self->server, SIGTERM), 0);
	/* Who made the socket removes it. */
	EXPECT_EQ(access(self->server->socket, F_OK), 0);
}

/* As a service manager does it: LISTEN_FDS and NOTIFY_SOCKET. */
TEST_F(program, service_manager)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char pid[24], state[64] = "";
	int log, notify = socket(AF_UNIX, SOCK_DGRAM, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/notify", self->server->dir);
	ASSERT_EQ(bind(notify, (struct sockaddr *)&address, sizeof(address)), 0);
	self->server->pid = fork();
	ASSERT_GE(self->server->pid, 0);
	if (!self->server->pid) {
		log = open(self->server->log, O_WRONLY | O_CREAT, 0600);
		dup2(log, STDERR_FILENO);
		inherit(listen_on(self->server->socket), 3);
		snprintf(pid, sizeof(pid), "%d", getpid());
		setenv("LISTEN_PID", pid, 1);
		setenv("LISTEN_FDS", "1", 1);
		setenv("NOTIFY_SOCKET", address.sun_path, 1);
		execlp("vhost-accel", "vhost-accel", "serve", "blk", "--image",
		       self->server->image, NULL);
		_exit(121);
	}
	ASSERT_GT(recv(notify, state, sizeof(state) - 1, 0), 0);
	EXPECT_EQ(strcmp(state, "READY=1"), 0);
	ASSERT_EQ(tvm_front_connect(&self->serve.front, self->server->socket), 0);
	tvm_serve_queue(&self->serve, &split, 0);
	tvm_serve_io(&self->serve, 0, 1);
	EXPECT_EQ(tvm_server_stop(self->server, SIGTERM), 0);
	unlink(address.sun_path);
	close(notify);
}

TEST_F(program, unprivileged)
{
	struct stat status;

	ASSERT_EQ(stat("/dev/vhost-accel/blk", &status), 0);
	ASSERT_TRUE(getgrnam("kvm"));
	/* What the shipped udev rule is for. */
	ASSERT_EQ(status.st_gid, getgrnam("kvm")->gr_gid);
	ASSERT_EQ(status.st_mode & 0777, 0660U);
	ASSERT_EQ(tvm_server_launch(self->server, ARGS("--image", self->server->image,
						       "--socket", self->server->socket),
				    NOBODY), 0);
	ASSERT_EQ(tvm_front_connect(&self->serve.front, self->server->socket), 0);
	tvm_serve_queue(&self->serve, &split, 0);
	tvm_serve_io(&self->serve, 0, 1);
	EXPECT_EQ(tvm_server_stop(self->server, SIGTERM), 0);
}

/* Rings are locked memory; a limit that is too small is named. */
TEST_F(program, locked_memory_limit)
{
	struct rlimit none = { 0, 0 };

	ASSERT_EQ(setrlimit(RLIMIT_MEMLOCK, &none), 0);
	ASSERT_EQ(tvm_server_launch(self->server, ARGS("--image", self->server->image,
						       "--socket", self->server->socket),
				    NOBODY), 0);
	ASSERT_EQ(tvm_front_connect(&self->serve.front, self->server->socket), 0);
	ASSERT_EQ(tvm_front_handshake(&self->serve.front, tvm_config_features(&split)), 0);
	ASSERT_EQ(tvm_front_mem_set(&self->serve.front, &self->serve.mem), 0);
	ASSERT_EQ(tvm_queue_init(&self->serve.vq, &self->serve.front.dev, 0, 64, &split), 0);
	EXPECT_EQ(tvm_front_queue_start(&self->serve.front, &self->serve.vq), -EREMOTEIO);
	EXPECT_EQ(tvm_server_logged(self->server, "LimitMEMLOCK="), 1U);
}

/* Options that change the device, as the guest sees it. */
TEST_F(program, device_options)
{
	const char *const args[] = {
		"--read-only", "--serial", "a serial number", "--block-size", "4096",
		"--num-queues", "3", "--workers", "auto", "--poll-us", "50",
		"--pin-memory", "--worker-completion", NULL,
	};
	uint64_t gpa = tvm_mem_alloc(&self->serve.mem, 4096, 4096), value;

	ASSERT_EQ(tvm_server_start(self->server, args), 0);
	tvm_serve_reconnect(&self->serve);
	ASSERT_EQ(tvm_front_get(&self->serve.front, TVM_USER_GET_FEATURES, &value), 0);
	EXPECT_TRUE(value & TVM_BIT(VIRTIO_BLK_F_RO));
	tvm_serve_queue(&self->serve, &split, TVM_BIT(VIRTIO_BLK_F_RO));
	ASSERT_EQ(tvm_front_get(&self->serve.front, TVM_USER_GET_QUEUE_NUM, &value), 0);
	EXPECT_EQ(value, 3ULL);
	EXPECT_EQ(tvm_blk_io(&self->serve.vq, VIRTIO_BLK_T_OUT, 0, gpa, 4096),
		  VIRTIO_BLK_S_IOERR);
	EXPECT_EQ(tvm_blk_io(&self->serve.vq, VIRTIO_BLK_T_IN, 0, gpa, 4096), VIRTIO_BLK_S_OK);
	EXPECT_EQ(tvm_blk_io(&self->serve.vq, VIRTIO_BLK_T_GET_ID, 0, gpa, 20),
		  VIRTIO_BLK_S_OK);
	EXPECT_EQ(memcmp(tvm_mem_ptr(&self->serve.mem, gpa, 20), "a serial number\0\0\0\0", 20),
		  0);
}

static unsigned int stats_value(const char *path, const char *name)
{
	char command[200], line[200];
	unsigned int value = ~0U;
	FILE *stream;

	snprintf(command, sizeof(command), "vhost-accel stats %s", path);
	stream = popen(command, "r");
	snprintf(command, sizeof(command), "all %s %%u", name);
	while (fgets(line, sizeof(line), stream))
		sscanf(line, command, &value);
	EXPECT_EQ(pclose(stream), 0);
	return value;
}

TEST_F(program, statistics)
{
	char path[60];

	snprintf(path, sizeof(path), "%s/stats", self->server->dir);
	ASSERT_EQ(tvm_server_start(self->server, ARGS("--stats-socket", path)), 0);
	tvm_serve_reconnect(&self->serve);
	tvm_serve_queue(&self->serve, &split, 0);
	EXPECT_EQ(stats_value(path, "reads"), 0U);
	tvm_serve_io(&self->serve, 0, 1);
	tvm_serve_io(&self->serve, 0, 2);
	EXPECT_EQ(stats_value(path, "reads"), 2U);
	EXPECT_EQ(stats_value(path, "writes"), 2U);
	EXPECT_EQ(tvm_server_stop(self->server, SIGTERM), 0);
	EXPECT_NE(access(path, F_OK), 0);
}

static bool ended(const struct tvm_server *server)
{
	siginfo_t info = { 0 };

	return !waitid(P_PID, server->pid, &info, WEXITED | WNOHANG | WNOWAIT) && info.si_pid;
}

/* Tries to serve the image a second time. */
static int second_server(struct program_fixture *self, const char *option)
{
	struct tvm_server other = *self->server;

	ASSERT_EQ(tvm_server_launch(&other, ARGS("--image", self->server->image, "--socket",
						 "/tmp/serve-other", option), 0), 0);
	while (access("/tmp/serve-other", F_OK)) {
		if (ended(&other))
			return tvm_server_stop(&other, 0);
		usleep(10000);
	}
	return tvm_server_stop(&other, SIGTERM);
}

TEST_F(program, image_lock)
{
	ASSERT_EQ(tvm_server_start(self->server, NULL), 0);
	EXPECT_EQ(second_server(self, NULL), STATUS_ENVIRONMENT);
	EXPECT_EQ(second_server(self, "--read-only"), STATUS_ENVIRONMENT);
	EXPECT_EQ(second_server(self, "--shared"), 0);
	EXPECT_EQ(tvm_server_stop(self->server, SIGTERM), 0);
	ASSERT_EQ(tvm_server_start(self->server, ARGS("--read-only")), 0);
	EXPECT_EQ(second_server(self, NULL), STATUS_ENVIRONMENT);
	EXPECT_EQ(second_server(self, "--read-only"), 0);
}

/* The same, against QEMU. */
TEST_F(program, image_lock_of_qemu)
{
	char command[400];

	if (system("qemu-io --version >/dev/null 2>&1"))
		SKIP("no qemu-io here");
	snprintf(command, sizeof(command), "qemu-io -f raw -c 'write 0 4k' %s >/dev/null 2>&1",
		 self->server->image);
	ASSERT_EQ(system(command), 0);
	ASSERT_EQ(tvm_server_start(self->server, NULL), 0);
	EXPECT_NE(system(command), 0);
	EXPECT_EQ(tvm_server_stop(self->server, SIGTERM), 0);
	ASSERT_EQ(tvm_server_start(self->server, ARGS("--read-only")), 0);
	EXPECT_NE(system(command), 0);
	snprintf(command, sizeof(command), "qemu-io -r -f raw -c 'read 0 4k' %s >/dev/null 2>&1",
		 self->server->image);
	EXPECT_EQ(system(command), 0);
	EXPECT_EQ(tvm_server_stop(self->server, SIGTERM), 0);
}

/* A block device is claimed, unless asked not to. */
TEST_F(program, block_device)
{
	static const char *const attrs[] = { "memory_backed=1", "size=32", NULL };
	struct tvm_server other = *self->server;
	uint64_t gpa = tvm_mem_alloc(&self->serve.mem, 4096, 4096);
	struct tvm_disk disk;
	int status;

	ASSERT_EQ(tvm_disk_create(&disk, attrs), 0);
	ASSERT_EQ(tvm_server_launch(self->server, ARGS("--device", disk.path, "--socket",
						       self->server->socket), 0), 0);
	ASSERT_EQ(tvm_front_connect(&self->serve.front, self->server->socket), 0);
	tvm_serve_queue(&self->serve, &split, 0);
	tvm_pattern_fill(tvm_mem_ptr(&self->serve.mem, gpa, 4096), 4096, 5);
	EXPECT_EQ(tvm_blk_io(&self->serve.vq, VIRTIO_BLK_T_OUT, 8, gpa, 4096), VIRTIO_BLK_S_OK);
	ASSERT_EQ(tvm_server_launch(&other, ARGS("--device", disk.path, "--socket",
						 "/tmp/serve-other"), 0), 0);
	EXPECT_EQ(tvm_server_stop(&other, 0), STATUS_ENVIRONMENT);
	EXPECT_EQ(tvm_server_logged(self->server, "see --shared"), 1U);
	ASSERT_EQ(tvm_server_launch(&other, ARGS("--device", disk.path, "--shared", "--socket",
						 "/tmp/serve-other"), 0), 0);
	while (access("/tmp/serve-other", F_OK))
		usleep(10000);
	status = tvm_server_stop(&other, SIGTERM);
	EXPECT_EQ(status, 0);
	tvm_server_stop(self->server, SIGTERM);
	tvm_disk_destroy(&disk);
}

HARNESS_MAIN
