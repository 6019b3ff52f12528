// SPDX-License-Identifier: GPL-2.0-only
/*
 * One byte there and back: net_rr serve PORT, net_rr ask ADDRESS PORT SECONDS
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tvm.h"

static int no_delay(int fd)
{
	int one = 1;

	return setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

static int serve(uint16_t port)
{
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1, peer;
	char byte;

	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
	    bind(fd, (struct sockaddr *)&addr, sizeof(addr)) || listen(fd, 8))
		return 1;
	for (;;) {
		peer = accept(fd, NULL, NULL);
		if (peer < 0 || no_delay(peer))
			return 1;
		while (read(peer, &byte, 1) == 1 && write(peer, &byte, 1) == 1)
			;
		close(peer);
	}
}

static int ask(const char *host, uint16_t port, double seconds)
{
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	uint64_t start, now, end, count = 0;
	char byte = 1;

	if (inet_pton(AF_INET, host, &addr.sin_addr) != 1 ||
	    connect(fd, (struct sockaddr *)&addr, sizeof(addr)) || no_delay(fd)) {
		perror(host);
		return 1;
	}
	start = tvm_clock_ns();
	end = start + seconds * 1e9;
	do {
		if (write(fd, &byte, 1) != 1 || read(fd, &byte, 1) != 1) {
			perror(host);
			return 1;
		}
		count++;
		now = tvm_clock_ns();
	} while (now < end);
	printf("rate=%.0f\n", count * 1e9 / (now - start));
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "serve"))
		return serve(atoi(argv[2]));
	if (argc == 5 && !strcmp(argv[1], "ask"))
		return ask(argv[2], atoi(argv[3]), atof(argv[4]));
	fprintf(stderr, "usage: net_rr serve PORT | net_rr ask ADDRESS PORT SECONDS\n");
	return 2;
}
