// SPDX-License-Identifier: GPL-2.0-only
/*
 * Measures the blk node through the tiny VMM, or whatever else serves a disk by
 * vhost-user: one thread per queue plays the guest's driver and keeps a number
 * of requests in flight.
 *
 * Prints one line of "name=value" for the whole run.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <linux/fs.h>

#include "tvm_blk.h"
#include "tvm_front.h"

#define LANES_MAX	64
/* Linux keeps header and status in its request structure, of about this size. */
#define HEADER_ROOM	512

struct options {
	const char *node;
	const char *socket;
	const char *disk;
	pid_t server;
	struct tvm_config ring;
	unsigned int depth;
	unsigned int queues;
	unsigned int workers;
	unsigned int block;
	unsigned int poll_us;
	double seconds;
	uint64_t requests;
	uint64_t backend_flags;
	unsigned int add_flags;
	bool write;
	bool spin;
	bool pin;
};

struct request {
	struct tvm_seg segs[3];
	struct virtio_blk_outhdr *header;
	volatile uint8_t *status;
};

/* What one thread drives. */
struct lane {
	const struct options *options;
	struct tvm_queue vq;
	struct request *requests;
	pthread_t thread;
	uint64_t random;
	uint64_t blocks;
	uint64_t left;
	uint64_t done;
	uint64_t failed;
	unsigned int in_flight;
};

static volatile bool stopping;

static void __attribute__((noreturn)) die(const char *what, int error)
{
	fprintf(stderr, "blk_bench: %s: %s\n", what, strerror(error < 0 ? -error : error));
	exit(1);
}

static void check(int result, const char *what)
{
	if (result < 0)
		die(what, result);
}

/* Requests. */

static uint64_t next_sector(struct lane *lane)
{
	uint64_t x = lane->random;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	lane->random = x;
	return x % lane->blocks * (lane->options->block / TVM_BLK_SECTOR);
}

static void request_init(struct request *rq, const struct options *options,
			 struct tvm_mem *mem, uint64_t header)
{
	uint64_t status = header + TVM_BLK_HEADER;

	rq->header = tvm_mem_ptr(mem, header, TVM_BLK_HEADER);
	rq->status = tvm_mem_ptr(mem, status, 1);
	rq->header->type = options->write ? VIRTIO_BLK_T_OUT : VIRTIO_BLK_T_IN;
	rq->segs[0] = (struct tvm_seg){ header, TVM_BLK_HEADER };
	rq->segs[1] = (struct tvm_seg){ tvm_mem_alloc(mem, options->block, TVM_PAGE),
					options->block };
	rq->segs[2] = (struct tvm_seg){ status, 1 };
	/* What a guest has used before is there; untouched pages would not be. */
	memset(tvm_mem_ptr(mem, rq->segs[1].gpa, options->block), 0x5a, options->block);
}

static void submit(struct lane *lane, struct request *rq)
{
	unsigned int out = lane->options->write ? 2 : 1;

	if (stopping || !lane->left)
		return;
	lane->left--;
	lane->in_flight++;
	rq->header->sector = next_sector(lane);
	*rq->status = TVM_BLK_NO_STATUS;
	check(tvm_queue_add(&lane->vq, rq->segs, out, 3 - out, rq, lane->options->add_flags),
	      "adding a request");
}

/* Takes all that came back and gives as many anew; returns how many. */
static unsigned int turn(struct lane *lane)
{
	struct tvm_used used;
	unsigned int n = 0;

	while (tvm_queue_poll(&lane->vq, &used)) {
		struct request *rq = used.cookie;

		lane->in_flight--;
		lane->done++;
		if (*rq->status != VIRTIO_BLK_S_OK)
			lane->failed++;
		submit(lane, rq);
		n++;
	}
	if (n)
		tvm_queue_kick(&lane->vq);
	return n;
}

/* The eventfd stands for the guest's interrupt; reading it blocks. */
static void wait_call(struct lane *lane)
{
	if (!tvm_queue_call_enable(&lane->vq))
		lane->vq.calls += tvm_event_read(lane->vq.call_fd);
	tvm_queue_call_disable(&lane->vq);
}

static void *drive(void *data)
{
	struct lane *lane = data;
	unsigned int i;

	tvm_queue_call_disable(&lane->vq);
	for (i = 0; i < lane->options->depth; i++)
		submit(lane, &lane->requests[i]);
	tvm_queue_kick(&lane->vq);
	while (lane->in_flight) {
		if (turn(lane))
			continue;
		if (lane->options->spin)
			__builtin_ia32_pause();
		else
			wait_call(lane);
	}
	return NULL;
}

/* Setup. */

static unsigned int ring_size(const struct options *options)
{
	unsigned int descs = options->depth * (options->add_flags ? 1 : 3), num = 64;

	while (num < descs)
		num *= 2;
	return num;
}

static void lane_init(struct lane *lane, const struct options *options, struct tvm_dev *dev,
		      unsigned int index)
{
	uint64_t headers;
	unsigned int i;
	int flags;

	lane->options = options;
	lane->random = 0x9e3779b97f4a7c15ULL * (index + 1);
	lane->left = options->requests ? options->requests : UINT64_MAX;
	check(tvm_queue_init(&lane->vq, dev, index, ring_size(options), &options->ring),
	      "laying out a queue");
	flags = fcntl(lane->vq.call_fd, F_GETFL);
	fcntl(lane->vq.call_fd, F_SETFL, flags & ~O_NONBLOCK);
	lane->requests = calloc(options->depth, sizeof(*lane->requests));
	if (!lane->requests)
		die("requests", ENOMEM);
	headers = tvm_mem_alloc(dev->mem, options->depth * HEADER_ROOM, TVM_PAGE);
	for (i = 0; i < options->depth; i++)
		request_init(&lane->requests[i], options, dev->mem, headers + i * HEADER_ROOM);
}

/* The first worker serves all queues unless they are given others. */
static void spread_workers(struct tvm_dev *dev, const struct options *options)
{
	struct vhost_worker_state worker;
	unsigned int i, n;

	for (n = 1; n < options->workers; n++) {
		check(tvm_dev_ioctl(dev, VHOST_NEW_WORKER, &worker), "VHOST_NEW_WORKER");
		for (i = n; i < options->queues; i += options->workers) {
			struct vhost_vring_worker attach = {
				.index = i, .worker_id = worker.worker_id,
			};

			check(tvm_dev_ioctl(dev, VHOST_ATTACH_VRING_WORKER, &attach),
			      "VHOST_ATTACH_VRING_WORKER");
		}
	}
}

static void poll_set(struct tvm_dev *dev, const struct options *options)
{
	struct vhost_vring_state state = { .num = options->poll_us };

	for (; state.index < options->queues; state.index++)
		check(tvm_dev_ioctl(dev, VHOST_SET_VRING_BUSYLOOP_TIMEOUT, &state),
		      "VHOST_SET_VRING_BUSYLOOP_TIMEOUT");
}

static void dev_init(struct tvm_dev *dev, struct tvm_mem *mem, const struct options *options,
		     int disk)
{
	struct vha_pin_memory pin = { .flags = VHA_PIN_F_ENABLE };

	check(tvm_dev_open(dev, options->node), options->node);
	check(tvm_dev_ioctl(dev, VHOST_SET_OWNER, NULL), "VHOST_SET_OWNER");
	check(tvm_dev_mem_set(dev, mem), "VHOST_SET_MEM_TABLE");
	check(tvm_dev_backend_set(dev, disk, options->backend_flags), "VHA_SET_BACKEND");
	check(tvm_dev_features_set(dev, tvm_config_features(&options->ring), 0),
	      "VHOST_SET_FEATURES");
	spread_workers(dev, options);
	if (options->poll_us)
		poll_set(dev, options);
	if (options->pin)
		check(tvm_dev_ioctl(dev, VHA_PIN_MEMORY, &pin), "VHA_PIN_MEMORY");
}

static void front_init(struct tvm_front *front, struct tvm_mem *mem,
		       const struct options *options)
{
	check(tvm_front_connect(front, options->socket), options->socket);
	check(tvm_front_handshake(front, tvm_config_features(&options->ring)), "handshake");
	check(tvm_front_mem_set(front, mem), "SET_MEM_TABLE");
}

static uint64_t disk_open(const struct options *options, int *fd)
{
	uint64_t size;

	*fd = open(options->disk, (options->write ? O_RDWR : O_RDONLY) | O_DIRECT | O_CLOEXEC);
	if (*fd < 0 || ioctl(*fd, BLKGETSIZE64, &size))
		die(options->disk, errno);
	if (size < options->block)
		die(options->disk, ENOSPC);
	return size;
}

/* The run. */

/* Nanoseconds that one thread has run; one that ended meanwhile counts nothing. */
static uint64_t thread_ns(pid_t process, const char *thread)
{
	unsigned long long ns = 0;
	char path[320];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/task/%s/schedstat", process, thread);
	file = fopen(path, "r");
	if (!file)
		return 0;
	if (fscanf(file, "%llu", &ns) != 1)
		die(path, EIO);
	fclose(file);
	return ns;
}

static uint64_t process_ns(pid_t process)
{
	struct dirent *entry;
	uint64_t sum = 0;
	char path[32];
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", process);
	dir = opendir(path);
	if (!dir)
		die(path, errno);
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] != '.')
			sum += thread_ns(process, entry->d_name);
	}
	closedir(dir);
	return sum;
}

/* Of all threads, that of the device's worker included, and of the server. */
static uint64_t cpu_us(const struct options *options)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000ULL +
	       usage.ru_utime.tv_usec + usage.ru_stime.tv_usec +
	       (options->server ? process_ns(options->server) / 1000 : 0);
}

static void run(struct lane *lanes, const struct options *options)
{
	unsigned int i;

	for (i = 0; i < options->queues; i++)
		check(-pthread_create(&lanes[i].thread, NULL, drive, &lanes[i]), "a thread");
	if (!options->requests) {
		usleep(options->seconds * 1e6);
		stopping = true;
	}
	for (i = 0; i < options->queues; i++)
		pthread_join(lanes[i].thread, NULL);
}

static uint64_t stat_sum(const struct tvm_dev *dev, unsigned int queues, const char *name)
{
	uint64_t sum = 0;
	unsigned int i;

	for (i = 0; i < queues; i++) {
		int64_t value = tvm_dev_stat(dev, i, name);

		check(value < 0 ? value : 0, name);
		sum += value;
	}
	return sum;
}

static int report(const struct lane *lanes, const struct tvm_dev *dev,
		  const struct options *options, uint64_t ns, uint64_t cpu)
{
	static const char * const names[] = {
		"kicks", "runs", "signals", "suppressed", "poll_hit", "poll_miss", "poll_ns",
		"inline_completions", "irq_completions", "task_completions",
		"worker_completions", "bounced",
	};
	uint64_t done = 0, failed = 0;
	unsigned int i;

	for (i = 0; i < options->queues; i++) {
		done += lanes[i].done;
		failed += lanes[i].failed;
	}
	printf("iops=%.0f requests=%llu failed=%llu ns=%llu cpu_us=%llu", done * 1e9 / ns,
	       (unsigned long long)done, (unsigned long long)failed, (unsigned long long)ns,
	       (unsigned long long)cpu);
	for (i = 0; dev->fd >= 0 && i < sizeof(names) / sizeof(names[0]); i++)
		printf(" %s=%llu", names[i],
		       (unsigned long long)stat_sum(dev, options->queues, names[i]));
	putchar('\n');
	return failed || !done;
}

/* Command line. */

static void usage(FILE *stream)
{
	fputs("Usage: blk_bench [OPTION]... DISK\n"
	      "  --node PATH           default /dev/vhost-accel/blk\n"
	      "  --vhost-user SOCKET   a server's disk instead of the node's\n"
	      "  --server PID          count this process's time as well\n"
	      "  --depth N             requests in flight per queue (default 1)\n"
	      "  --queues N            queues, with a thread each (default 1)\n"
	      "  --workers N           worker threads, 0 for one per queue (default 0)\n"
	      "  --block N             bytes per request (default 4096)\n"
	      "  --write               write instead of read\n"
	      "  --seconds S           how long (default 1)\n"
	      "  --requests N          how many per queue, instead of a time\n"
	      "  --packed              packed rings\n"
	      "  --in-order            VIRTIO_F_IN_ORDER\n"
	      "  --no-event-idx        without VIRTIO_F_RING_EVENT_IDX\n"
	      "  --indirect            indirect descriptor tables\n"
	      "  --poll-us N           how long workers poll before they sleep (default 0)\n"
	      "  --spin                the driver polls the used ring and wants no calls\n"
	      "  --pin-memory          pin the memory table\n"
	      "  --worker-completion   never complete in an interrupt\n", stream);
}

static unsigned int parsed(const char *text, unsigned int min, unsigned int max)
{
	char *end;
	unsigned long value = strtoul(text, &end, 0);

	if (!*text || *end || value < min || value > max) {
		fprintf(stderr, "blk_bench: '%s' is no number from %u to %u\n", text, min,
			max);
		exit(2);
	}
	return value;
}

static const struct option longopts[] = {
	{ "node", required_argument, NULL, 'n' },
	{ "vhost-user", required_argument, NULL, 'u' },
	{ "server", required_argument, NULL, 'p' },
	{ "depth", required_argument, NULL, 'd' },
	{ "queues", required_argument, NULL, 'q' },
	{ "workers", required_argument, NULL, 'w' },
	{ "block", required_argument, NULL, 'b' },
	{ "write", no_argument, NULL, 'W' },
	{ "seconds", required_argument, NULL, 's' },
	{ "requests", required_argument, NULL, 'r' },
	{ "packed", no_argument, NULL, 'k' },
	{ "in-order", no_argument, NULL, 'o' },
	{ "no-event-idx", no_argument, NULL, 'e' },
	{ "indirect", no_argument, NULL, 'i' },
	{ "poll-us", required_argument, NULL, 'P' },
	{ "spin", no_argument, NULL, 'S' },
	{ "pin-memory", no_argument, NULL, 'm' },
	{ "worker-completion", no_argument, NULL, 'c' },
	{ "help", no_argument, NULL, 'h' },
	{ }
};

static void option_value(struct options *options, int option)
{
	switch (option) {
	case 'n':
		options->node = optarg;
		break;
	case 'u':
		options->socket = optarg;
		break;
	case 'p':
		options->server = parsed(optarg, 1, INT32_MAX);
		break;
	case 'd':
		options->depth = parsed(optarg, 1, 1024);
		break;
	case 'q':
		options->queues = parsed(optarg, 1, LANES_MAX);
		break;
	case 'w':
		options->workers = parsed(optarg, 0, LANES_MAX);
		break;
	case 'b':
		options->block = parsed(optarg, TVM_BLK_SECTOR, 1 << 20);
		break;
	case 's':
		options->seconds = atof(optarg);
		break;
	case 'r':
		options->requests = parsed(optarg, 1, UINT32_MAX);
		break;
	case 'P':
		options->poll_us = parsed(optarg, 1, 1000000);
		break;
	}
}

static void option_flag(struct options *options, int option)
{
	switch (option) {
	case 'W':
		options->write = true;
		break;
	case 'k':
		options->ring.packed = true;
		break;
	case 'o':
		options->ring.in_order = true;
		break;
	case 'e':
		options->ring.event_idx = false;
		break;
	case 'i':
		options->add_flags = TVM_ADD_INDIRECT;
		break;
	case 'S':
		options->spin = true;
		break;
	case 'm':
		options->pin = true;
		break;
	case 'c':
		options->backend_flags |= VHA_BACKEND_F_WORKER_COMPLETION;
		break;
	}
}

static void parse(struct options *options, int argc, char **argv)
{
	int option;

	while ((option = getopt_long(argc, argv, "", longopts, NULL)) != -1) {
		if (option == 'h') {
			usage(stdout);
			exit(0);
		}
		if (option == '?') {
			usage(stderr);
			exit(2);
		}
		if (optarg)
			option_value(options, option);
		else
			option_flag(options, option);
		optarg = NULL;
	}
	if (optind + 1 != argc) {
		usage(stderr);
		exit(2);
	}
	options->disk = argv[optind];
	if (!options->workers)
		options->workers = options->queues;
	options->block -= options->block % TVM_BLK_SECTOR;
}

int main(int argc, char **argv)
{
	struct options options = {
		.node = "/dev/vhost-accel/blk", .ring = { .event_idx = true }, .depth = 1,
		.queues = 1, .block = 4096, .seconds = 1,
	};
	static struct lane lanes[LANES_MAX];
	uint64_t size, ns, cpu;
	struct tvm_front front = { .fd = -1 };
	struct tvm_dev *dev = &front.dev;
	struct tvm_mem mem;
	unsigned int i;
	int disk, ret;

	parse(&options, argc, argv);
	size = disk_open(&options, &disk);
	tvm_mem_create_default(&mem);
	if (options.socket)
		front_init(&front, &mem, &options);
	else
		dev_init(dev, &mem, &options, disk);
	for (i = 0; i < options.queues; i++) {
		lanes[i].blocks = size / options.block;
		lane_init(&lanes[i], &options, dev, i);
		check(options.socket ? tvm_front_queue_start(&front, &lanes[i].vq) :
		      tvm_queue_start(&lanes[i].vq), "starting a queue");
	}
	ns = tvm_clock_ns();
	cpu = cpu_us(&options);
	run(lanes, &options);
	cpu = cpu_us(&options) - cpu;
	ns = tvm_clock_ns() - ns;
	ret = report(lanes, dev, &options, ns, cpu);
	if (options.socket)
		tvm_front_close(&front);
	else
		tvm_dev_close(dev);
	return ret;
}
