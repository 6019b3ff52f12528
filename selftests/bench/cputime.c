// SPDX-License-Identifier: GPL-2.0-only
/*
 * cputime COMMAND...: runs it and prints the processor time that it and all its
 * threads and children took, in the kernel as well. Where an emulator counts
 * instructions and makes each take a nanosecond, that is their number.
 */
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static unsigned long long microseconds(const struct timeval *time)
{
	return time->tv_sec * 1000000ULL + time->tv_usec;
}

int main(int argc, char **argv)
{
	struct rusage usage;
	int status = -1;
	pid_t pid;

	if (argc < 2) {
		fprintf(stderr, "Usage: cputime COMMAND...\n");
		return 2;
	}
	pid = fork();
	if (!pid) {
		execvp(argv[1], argv + 1);
		perror(argv[1]);
		_exit(127);
	}
	if (pid < 0 || wait4(pid, &status, 0, &usage) != pid) {
		perror("cputime");
		return 1;
	}
	printf("cpu_us=%llu user_us=%llu\n",
	       microseconds(&usage.ru_utime) + microseconds(&usage.ru_stime),
	       microseconds(&usage.ru_utime));
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
