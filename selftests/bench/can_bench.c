// SPDX-License-Identifier: GPL-2.0-only
/*
 * Measures the CAN node through the tiny VMM: this process plays the guest's driver,
 * another one a program of the host on the same bus. Or, to compare, both are
 * programs of the host.
 *
 * Prints one line of "name=value" for the whole run.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tvm_can.h"

/* Of the transmit and receive ring. */
#define RING		512
/* Frames on their way: two descriptors each. */
#define DEPTH		(RING / 2)
/* Nothing arrives for so long: nothing will. */
#define SILENCE_MS	500
#define PING_ID		0x123
#define PONG_ID		0x124

/** struct options - what is measured */
struct options {
	const char *interface;
	struct tvm_config ring;
	bool pair;
	bool to_bus;
	bool echo;
	bool idle;
	unsigned int length;
	unsigned int poll_us;
	unsigned int rate;
	double seconds;
	uint64_t frames;
};

/**
 * struct counts - what both processes know
 * @go: the clock at which the sender begins, 0 while somebody is not ready
 * @sent: by the one who sends, once @over
 * @received: by the other
 * @lost: numbers that were missing
 * @first: clock at the first frame that was received
 * @last: at the last
 * @over: all was sent
 */
struct counts {
	uint64_t go;
	uint64_t sent;
	uint64_t received;
	uint64_t lost;
	uint64_t first;
	uint64_t last;
	bool over;
};

static struct counts *counts;

static void __attribute__((noreturn)) die(const char *what)
{
	fprintf(stderr, "can_bench: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void wait_go(void)
{
	uint64_t go;

	while (!(go = __atomic_load_n(&counts->go, __ATOMIC_ACQUIRE)))
		usleep(1000);
	while (tvm_clock_ns() < go)
		usleep(1000);
}

static bool is_over(void)
{
	return __atomic_load_n(&counts->over, __ATOMIC_ACQUIRE);
}

/* Called for each frame that arrived. */
static void account(uint64_t number)
{
	counts->last = tvm_clock_ns();
	if (!counts->received)
		counts->first = counts->last;
	counts->lost += number - (counts->received + counts->lost);
	__atomic_store_n(&counts->received, counts->received + 1, __ATOMIC_RELEASE);
}

/** struct pace - how many frames may have been sent until now */
struct pace {
	const struct options *options;
	uint64_t start;
	uint64_t end;
};

static void pace_start(struct pace *pace, const struct options *options)
{
	pace->options = options;
	pace->start = tvm_clock_ns();
	pace->end = pace->start + (uint64_t)(options->seconds * 1e9);
}

/* Returns how many more may be sent; waits for at least one. 0: it is over. */
static uint64_t pace_more(const struct pace *pace, uint64_t sent)
{
	const struct options *options = pace->options;
	uint64_t now, due;

	if (options->frames)
		return options->frames - sent;
	for (;;) {
		now = tvm_clock_ns();
		if (!options->rate)
			return now < pace->end ? 64 : 0;
		/* All that were due, however late. */
		if (now > pace->end)
			now = pace->end;
		due = (now - pace->start) * options->rate / 1000000000ULL;
		if (due > sent)
			return due - sent;
		if (now == pace->end)
			return 0;
		usleep(1000);
	}
}

/* A program of the host. */

static void host_frame(struct canfd_frame *cf, const struct options *options, canid_t id,
		       uint64_t number)
{
	memset(cf, 0, sizeof(*cf));
	cf->can_id = id;
	cf->len = options->length;
	memcpy(cf->data, &number, sizeof(number));
}

static size_t host_size(const struct options *options)
{
	return options->length > 8 ? CANFD_MTU : CAN_MTU;
}

static void host_write(int fd, const struct canfd_frame *cf, size_t size)
{
	if (write(fd, cf, size) != (ssize_t)size)
		die("write");
}

static void host_send(int fd, const struct options *options)
{
	struct canfd_frame cf;
	struct pace pace;
	uint64_t sent = 0, more;

	wait_go();
	pace_start(&pace, options);
	while ((more = pace_more(&pace, sent))) {
		for (; more; more--) {
			host_frame(&cf, options, PING_ID, sent++);
			host_write(fd, &cf, host_size(options));
		}
	}
	counts->sent = sent;
	__atomic_store_n(&counts->over, true, __ATOMIC_RELEASE);
}

static bool host_read(int fd, struct canfd_frame *cf)
{
	ssize_t size = read(fd, cf, sizeof(*cf));

	if (size < 0 && errno != EAGAIN)
		die("read");
	return size > 0;
}

static void host_receive(int fd)
{
	struct canfd_frame cf;
	uint64_t number;

	for (;;) {
		if (host_read(fd, &cf)) {
			memcpy(&number, cf.data, sizeof(number));
			account(number);
		} else if (is_over()) {
			return;
		}
	}
}

/* Sends back what it gets. */
static void host_echo(int fd)
{
	struct canfd_frame cf;

	while (!is_over()) {
		if (!host_read(fd, &cf))
			continue;
		cf.can_id = PONG_ID;
		host_write(fd, &cf, cf.len > 8 ? CANFD_MTU : CAN_MTU);
	}
}

static void host_ping(int fd, const struct options *options)
{
	struct canfd_frame cf;
	struct pace pace;
	uint64_t sent = 0;

	pace_start(&pace, options);
	while (pace_more(&pace, sent)) {
		host_frame(&cf, options, PING_ID, sent++);
		host_write(fd, &cf, host_size(options));
		while (!host_read(fd, &cf))
			;
		account(sent - 1);
	}
	counts->sent = sent;
}

static int host_socket(const struct options *options)
{
	struct timeval silence = { .tv_usec = SILENCE_MS * 1000 };
	int fd = tvm_can_socket(options->interface);

	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &silence, sizeof(silence)))
		die("SO_RCVTIMEO");
	return fd;
}

/* The guest's driver. */

static void call_blocking(struct tvm_queue *vq)
{
	fcntl(vq->call_fd, F_SETFL, fcntl(vq->call_fd, F_GETFL) & ~O_NONBLOCK);
}

/* The eventfd stands for the interrupt. Returns false when none comes. */
static bool wait_call(struct tvm_queue *vq)
{
	bool called = true;

	if (!tvm_queue_call_enable(vq)) {
		called = tvm_event_wait(vq->call_fd, SILENCE_MS);
		if (called)
			vq->calls += tvm_event_read(vq->call_fd);
	}
	tvm_queue_call_disable(vq);
	return called;
}

static void guest_frame(struct tvm_can_frame *frame, const struct options *options, uint32_t id,
			uint64_t number)
{
	memset(frame, 0, sizeof(*frame));
	frame->id = id;
	frame->flags = options->length > 8 ? TVM_CAN_FD : 0;
	frame->len = options->length;
	memcpy(frame->data, &number, sizeof(number));
}

static unsigned int guest_reap(struct tvm_can *can)
{
	unsigned int n = 0;
	int result;

	while ((result = tvm_can_result(can, 0)) >= 0) {
		if (result != TVM_CAN_OK) {
			errno = EIO;
			die("a frame was not sent");
		}
		n++;
	}
	return n;
}

static void guest_send(struct tvm_can *can, const struct options *options)
{
	struct tvm_queue *vq = &can->vqs[TVM_CAN_TX];
	uint64_t sent = 0, more, done = 0;
	struct tvm_can_frame frame;
	struct pace pace;

	tvm_queue_call_disable(vq);
	pace_start(&pace, options);
	while ((more = pace_more(&pace, sent)) || done < sent) {
		for (; more && sent - done < DEPTH; more--) {
			guest_frame(&frame, options, PING_ID, sent);
			if (tvm_can_submit(can, &frame))
				break;
			sent++;
		}
		tvm_queue_kick(vq);
		while (!(more = guest_reap(can)) && done < sent) {
			if (!wait_call(vq) && options->rate)
				break;
		}
		done += more;
	}
	counts->sent = sent;
	__atomic_store_n(&counts->over, true, __ATOMIC_RELEASE);
}

/* Takes all that came, and makes the buffers available again; returns how many. */
static unsigned int guest_take(struct tvm_can *can)
{
	struct tvm_can_frame frame;
	unsigned int n = 0;
	uint64_t number;

	while (!tvm_can_take(can, &frame)) {
		memcpy(&number, frame.data, sizeof(number));
		account(number);
		n++;
	}
	if (n)
		tvm_queue_kick(&can->vqs[TVM_CAN_RX]);
	return n;
}

static void guest_receive(struct tvm_can *can)
{
	struct tvm_queue *vq = &can->vqs[TVM_CAN_RX];

	tvm_queue_call_disable(vq);
	for (;;) {
		if (guest_take(can) || wait_call(vq))
			continue;
		if (is_over())
			return;
	}
}

static void guest_ping(struct tvm_can *can, const struct options *options)
{
	struct tvm_queue *rx = &can->vqs[TVM_CAN_RX];
	struct tvm_can_frame frame;
	struct pace pace;
	uint64_t sent = 0;

	tvm_queue_call_disable(&can->vqs[TVM_CAN_TX]);
	tvm_queue_call_disable(rx);
	pace_start(&pace, options);
	while (pace_more(&pace, sent)) {
		guest_reap(can);
		guest_frame(&frame, options, PING_ID, sent);
		if (tvm_can_submit(can, &frame)) {
			errno = EIO;
			die("no room for a frame");
		}
		sent++;
		tvm_queue_kick(&can->vqs[TVM_CAN_TX]);
		while (!guest_take(can))
			wait_call(rx);
	}
	counts->sent = sent;
}

static void guest_create(struct tvm_can *can, const struct options *options)
{
	const struct vha_can_params params = { .confirm_ms = 10000 };
	struct tvm_can_options setup = {
		.cfg = options->ring, .num = RING, .params = &params, .stopped = true,
	};
	struct vhost_vring_state poll = { .num = options->poll_us };

	if (access(tvm_can_node(), R_OK | W_OK))
		die(tvm_can_node());
	tvm_can_create(can, options->interface, &setup);
	for (; options->poll_us && poll.index < TVM_CAN_QUEUES; poll.index++)
		if (tvm_dev_ioctl(&can->dev, VHOST_SET_VRING_BUSYLOOP_TIMEOUT, &poll))
			die("VHOST_SET_VRING_BUSYLOOP_TIMEOUT");
	if (tvm_can_control(can, TVM_CAN_START) != TVM_CAN_OK)
		die("the controller does not start");
	call_blocking(&can->vqs[TVM_CAN_TX]);
	call_blocking(&can->vqs[TVM_CAN_RX]);
}

/* The run. */

static uint64_t cpu_ns(int who)
{
	struct rusage usage;

	getrusage(who, &usage);
	return ((usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000ULL +
		usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000;
}

/* The other program of the host. */
static pid_t peer_start(const struct options *options)
{
	int fd = host_socket(options);
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (pid) {
		close(fd);
		return pid;
	}
	if (options->echo)
		host_echo(fd);
	else if (options->to_bus)
		host_receive(fd);
	else
		host_send(fd, options);
	_exit(0);
}

static void go(void)
{
	__atomic_store_n(&counts->go, tvm_clock_ns() + 20000000, __ATOMIC_RELEASE);
}

static void run_pair(const struct options *options)
{
	int fd = host_socket(options);

	go();
	if (options->echo)
		host_ping(fd, options);
	else if (options->to_bus)
		host_send(fd, options);
	else
		host_receive(fd);
	close(fd);
}

static void run_node(struct tvm_can *can, const struct options *options)
{
	go();
	if (options->echo)
		guest_ping(can, options);
	else if (options->to_bus)
		guest_send(can, options);
	else
		guest_receive(can);
}

static void print_node(struct tvm_can *can)
{
	static const char * const names[] = {
		"runs", "kicks", "signals", "suppressed", "rx_dropped", "rx_overruns", "tx_held",
		"poll_hit", "poll_miss",
	};
	unsigned int i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		printf(" %s=%lld", names[i], (long long)tvm_can_stat(can, names[i]));
}

static int report(uint64_t ns, uint64_t cpu)
{
	uint64_t span = counts->last - counts->first;

	printf("fps=%.0f sent=%llu received=%llu lost=%llu rtt_ns=%llu cpu_us=%llu",
	       span ? (counts->received - 1) * 1e9 / span : 0,
	       (unsigned long long)counts->sent, (unsigned long long)counts->received,
	       (unsigned long long)(counts->sent - counts->received),
	       (unsigned long long)(counts->received ? ns / counts->received : 0),
	       (unsigned long long)cpu / 1000);
	return !counts->received;
}

static int measure(const struct options *options)
{
	static struct tvm_can can;
	uint64_t start, ns, cpu;
	int status, bad;
	pid_t peer;

	if (!options->pair)
		guest_create(&can, options);
	peer = peer_start(options);
	cpu = cpu_ns(RUSAGE_SELF);
	start = tvm_clock_ns();
	if (options->pair)
		run_pair(options);
	else
		run_node(&can, options);
	ns = tvm_clock_ns() - start;
	__atomic_store_n(&counts->over, true, __ATOMIC_RELEASE);
	if (waitpid(peer, &status, 0) != peer || status)
		die("the peer");
	cpu = cpu_ns(RUSAGE_SELF) - cpu + cpu_ns(RUSAGE_CHILDREN);
	bad = report(ns, cpu);
	if (!options->pair)
		print_node(&can);
	putchar('\n');
	return bad;
}

static uint64_t thread_ns(const char *thread)
{
	unsigned long long ns = 0;
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/task/%.20s/schedstat", thread);
	file = fopen(path, "r");
	if (!file || fscanf(file, "%llu", &ns) != 1)
		die(path);
	fclose(file);
	return ns;
}

/* Of the workers, as the scheduler has it: this thread only waits. */
static uint64_t workers_ns(void)
{
	DIR *threads = opendir("/proc/self/task");
	struct dirent *thread;
	uint64_t sum = 0;

	if (!threads)
		die("/proc/self/task");
	while ((thread = readdir(threads)))
		if (*thread->d_name != '.' && atoi(thread->d_name) != getpid())
			sum += thread_ns(thread->d_name);
	closedir(threads);
	return sum;
}

/* A controller that is started, on a bus where nothing happens. */
static int measure_idle(const struct options *options)
{
	static struct tvm_can can;
	int64_t runs;
	uint64_t cpu;

	guest_create(&can, options);
	sleep(1);
	runs = tvm_can_stat(&can, "runs");
	cpu = workers_ns();
	usleep(options->seconds * 1e6);
	cpu = workers_ns() - cpu;
	printf("idle_us=%llu idle_runs=%lld\n", (unsigned long long)cpu / 1000,
	       (long long)(tvm_can_stat(&can, "runs") - runs));
	return 0;
}

/* Command line. */

static void usage(FILE *stream)
{
	fputs("Usage: can_bench [OPTION]... MODE INTERFACE\n"
	      "MODE is to-bus, from-bus, echo (round trips, of the guest's frames) or idle.\n"
	      "  --pair        two programs of the host instead of a guest and one\n"
	      "  --packed      packed rings\n"
	      "  --length N    bytes of a frame, 8 to 64 (default 8); from 9 on CAN FD\n"
	      "  --poll-us N   how long workers poll before they sleep (default 0)\n"
	      "  --rate N      frames per second that are sent (default as many as can be)\n"
	      "  --seconds S   how long (default 1)\n"
	      "  --frames N    how many, instead of a time\n", stream);
}

static const struct option long_options[] = {
	{ "pair", no_argument, NULL, 'P' },
	{ "packed", no_argument, NULL, 'p' },
	{ "length", required_argument, NULL, 'L' },
	{ "poll-us", required_argument, NULL, 'u' },
	{ "rate", required_argument, NULL, 'r' },
	{ "seconds", required_argument, NULL, 's' },
	{ "frames", required_argument, NULL, 'f' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static bool set_mode(struct options *options, const char *mode)
{
	options->to_bus = !strcmp(mode, "to-bus");
	options->echo = !strcmp(mode, "echo");
	options->idle = !strcmp(mode, "idle");
	return options->to_bus || options->echo || options->idle || !strcmp(mode, "from-bus");
}

static bool parse_option(struct options *options, int option)
{
	switch (option) {
	case 'P':
		options->pair = true;
		break;
	case 'p':
		options->ring.packed = true;
		break;
	case 'L':
		options->length = atoi(optarg);
		break;
	case 'u':
		options->poll_us = atoi(optarg);
		break;
	case 'r':
		options->rate = atoi(optarg);
		break;
	case 's':
		options->seconds = atof(optarg);
		break;
	case 'f':
		options->frames = strtoull(optarg, NULL, 0);
		break;
	default:
		return false;
	}
	return true;
}

int main(int argc, char **argv)
{
	struct options options = {
		.ring = { .event_idx = true }, .length = 8, .seconds = 1,
	};
	int option;

	while ((option = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
		if (option == 'h') {
			usage(stdout);
			return 0;
		}
		if (!parse_option(&options, option)) {
			usage(stderr);
			return 2;
		}
	}
	if (argc - optind != 2 || !set_mode(&options, argv[optind]) || options.length < 8 ||
	    options.length > 64) {
		usage(stderr);
		return 2;
	}
	options.interface = argv[optind + 1];
	if (!if_nametoindex(options.interface))
		die(options.interface);
	counts = mmap(NULL, sizeof(*counts), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		      -1, 0);
	if (counts == MAP_FAILED)
		die("mmap");
	return options.idle ? measure_idle(&options) : measure(&options);
}
