/* An open-loop load: requests fall due at random moments, whatever the server does.
 *
 * usage: poisson PORT RATE SECONDS CONNECTIONS SLOW_SHARE SEED
 *
 * A closed loop (wrk) waits for an answer before it asks again, so a server that stalls is asked less and looks
 * better than it is. Here the moments come from a Poisson process of RATE a second, fixed by SEED; a request that falls
 * due takes the connection that has been idle longest, or waits for one, and its latency counts from the moment it fell
 * due. SLOW_SHARE of them ask for /slow, the others for /. One line of JSON tells of the fast ones. Requests never
 * answered count with the time they had waited when the run was given up.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MAX_CONNECTIONS = 512, ANSWER_BYTES = 8192, GRACE_SECONDS = 5 };

typedef struct {
	double due; /* seconds since the start */
	int slow;
	double latency; /* seconds, negative while unanswered */
} request;

typedef struct {
	int fd;
	long serving;	  /* index of the request on the wire, -1 when idle */
	double idle_since; /* seconds since the start */
	size_t received;
	char answer[ANSWER_BYTES + 1];
} connection;

static connection connections[MAX_CONNECTIONS];
static int connection_count;
static int port;
static long errors;
static struct timespec started;

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)(t.tv_sec - started.tv_sec) + (double)(t.tv_nsec - started.tv_nsec) / 1e9;
}

static double uniform(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return ((double)((*state * 2685821657736338717ULL) >> 11) + 0.5) / 9007199254740992.0;
}

static void open_connection(connection *c)
{
	int one = 1;
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&address, sizeof address) < 0)
		fail("connect");
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	c->serving = -1;
	c->received = 0;
	c->idle_since = now();
}

static void reopen(connection *c)
{
	close(c->fd);
	open_connection(c);
}

static connection *longest_idle(void)
{
	connection *best = NULL;
	for (int i = 0; i < connection_count; i++)
		if (connections[i].serving < 0 && (!best || connections[i].idle_since < best->idle_since))
			best = &connections[i];
	return best;
}

static void ask(connection *c, long index, const request *r)
{
	static const char fast[] = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
	static const char slow[] = "GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n";
	const char *text = r->slow ? slow : fast;
	c->serving = index;
	c->received = 0;
	if (send(c->fd, text, strlen(text), MSG_NOSIGNAL) < 0)
		errors++; /* the read that follows finds the connection closed and opens another */
}

/* The length of the whole answer once its head is there, 0 before. */
static size_t answer_length(const connection *c)
{
	const char *end = memmem(c->answer, c->received, "\r\n\r\n", 4);
	if (!end)
		return 0;
	const char *field = strcasestr(c->answer, "\r\ncontent-length:");
	return (size_t)(end + 4 - c->answer) + (field && field < end ? strtoul(field + 17, NULL, 10) : 0);
}

/* Reads what has come. Returns 1 when the answer is complete. */
static int hear(connection *c, request *requests)
{
	ssize_t n = recv(c->fd, c->answer + c->received, ANSWER_BYTES - c->received, MSG_DONTWAIT);
	if (n < 0 && errno == EAGAIN)
		return 0;
	if (n <= 0) {
		errors += c->serving >= 0; /* an idle connection may be closed by the server, a busy one not */
		reopen(c);
		return 0;
	}
	c->received += (size_t)n;
	c->answer[c->received] = 0;
	size_t length = answer_length(c);
	if (c->serving < 0 || length == 0 || c->received < length)
		return 0;
	double moment = now();
	requests[c->serving].latency = moment - requests[c->serving].due;
	errors += strncmp(c->answer + 8, " 200", 4) != 0;
	int close_asked = strcasestr(c->answer, "\r\nconnection: close") != NULL;
	c->serving = -1;
	c->idle_since = moment;
	if (close_asked)
		reopen(c);
	return 1;
}

static void wait_until(double moment)
{
	struct pollfd polled[MAX_CONNECTIONS];
	double left = moment - now();
	if (left < 0)
		left = 0;
	struct timespec timeout = {(time_t)left, (long)((left - floor(left)) * 1e9)};
	for (int i = 0; i < connection_count; i++)
		polled[i] = (struct pollfd){.fd = connections[i].fd, .events = POLLIN};
	if (ppoll(polled, (nfds_t)connection_count, &timeout, NULL) < 0 && errno != EINTR)
		fail("ppoll");
}

static long run(request *requests, long count, double give_up_at)
{
	long next = 0, answered = 0;
	while (answered < count && now() < give_up_at) {
		connection *idle;
		while (next < count && requests[next].due <= now() && (idle = longest_idle()))
			ask(idle, next, &requests[next]), next++;
		/* With no idle connection only an answer can help, so the next due moment is no reason to wake. */
		wait_until(next < count && longest_idle() ? requests[next].due : give_up_at);
		for (int i = 0; i < connection_count; i++)
			answered += hear(&connections[i], requests);
	}
	return answered;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static double rank(const double *sorted, long count, double share)
{
	long index = (long)ceil(share * (double)count) - 1;
	return count ? sorted[index < 0 ? 0 : index] * 1e3 : 0;
}

static void report(const request *requests, long count, long answered)
{
	double *fast = calloc((size_t)count + 1, sizeof *fast);
	double end = now();
	long n = 0;
	if (!fast)
		fail("calloc");
	for (long i = 0; i < count; i++)
		if (!requests[i].slow)
			fast[n++] = requests[i].latency < 0 ? end - requests[i].due : requests[i].latency;
	qsort(fast, (size_t)n, sizeof *fast, by_value);
	printf("{\"requests\": %ld, \"answered\": %ld, \"errors\": %ld, \"fast\": %ld, \"p50_ms\": %.3f, \"p90_ms\": %.3f, "
	       "\"p99_ms\": %.3f, \"p999_ms\": %.3f, \"max_ms\": %.3f}\n",
	       count, answered, errors, n, rank(fast, n, 0.5), rank(fast, n, 0.9), rank(fast, n, 0.99),
	       rank(fast, n, 0.999), rank(fast, n, 1.0));
	free(fast);
}

int main(int argc, char **argv)
{
	if (argc != 7) {
		fprintf(stderr, "usage: poisson PORT RATE SECONDS CONNECTIONS SLOW_SHARE SEED\n");
		return 2;
	}
	port = atoi(argv[1]);
	double rate = atof(argv[2]), seconds = atof(argv[3]), slow_share = atof(argv[5]);
	connection_count = atoi(argv[4]) < MAX_CONNECTIONS ? atoi(argv[4]) : MAX_CONNECTIONS;
	uint64_t state = 0x9E3779B97F4A7C15ULL * ((uint64_t)atol(argv[6]) + 1);
	long room = (long)(rate * seconds * 2) + 64, count = 0;
	request *requests = calloc((size_t)room, sizeof *requests);
	if (!requests)
		fail("calloc");
	for (double due = 0.1; due < seconds && count < room; count++) {
		due -= log(uniform(&state)) / rate;
		requests[count] = (request){due, uniform(&state) < slow_share, -1};
	}
	clock_gettime(CLOCK_MONOTONIC, &started);
	for (int i = 0; i < connection_count; i++)
		open_connection(&connections[i]);
	long answered = run(requests, count, seconds + GRACE_SECONDS);
	report(requests, count, answered);
	free(requests);
	return 0;
}
