/* Slow clients: so many connections, each given one turn a second, one after the other, so that they never come in a crowd.
 *
 * usage: trickle PORT COUNT WHAT
 *
 * Each connection sends what stands on standard input at once. Then, once a second, it sends one byte ("send"), takes
 * 1,024 bytes of what it is sent ("read"), or does nothing ("none"). "ready" is printed once all are connected. The end
 * comes with SIGTERM. Written in C so that the load that is measured beside it does not wait for this one.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MAX_FIRST = 65536, READ_BYTES = 1024, RECEIVE_BUFFER = 4096 };

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static int connected(int port, int reads)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
	int buffer = RECEIVE_BUFFER, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0)
		fail("socket");
	if (reads)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
	if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
		fail("connect");
	return fd;
}

int main(int argc, char **argv)
{
	static char first[MAX_FIRST], taken[READ_BYTES];
	if (argc != 4) {
		fprintf(stderr, "usage: trickle PORT COUNT send|read|none\n");
		return 2;
	}
	int count = atoi(argv[2]), sends = !strcmp(argv[3], "send"), reads = !strcmp(argv[3], "read");
	size_t length = fread(first, 1, sizeof first, stdin);
	int *clients = calloc((size_t)count, sizeof *clients);
	if (!clients)
		fail("calloc");
	for (int i = 0; i < count; i++) {
		clients[i] = connected(atoi(argv[1]), reads);
		if (length && send(clients[i], first, length, MSG_NOSIGNAL) != (ssize_t)length)
			fail("send");
	}
	puts("ready");
	fflush(stdout);
	struct timespec due;
	clock_gettime(CLOCK_MONOTONIC, &due);
	for (int turn = 0;; turn = (turn + 1) % count) {
		due.tv_nsec += 1000000000L / count;
		due.tv_sec += due.tv_nsec / 1000000000L;
		due.tv_nsec %= 1000000000L;
		while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL))
			;
		/* One that the server has closed stays here, and is of no account any more. */
		if (sends)
			send(clients[turn], "x", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
		else if (reads)
			recv(clients[turn], taken, sizeof taken, MSG_DONTWAIT);
	}
}
