/* The kernel's share of a request: an epoll loop that answers every read with the same bytes.
 *
 * usage: raw PORT BODY_BYTES [close]
 *
 * It parses nothing, so it is no server; it is the least that any server on this machine must pay for a request of
 * the shape, written with the same system calls a careful server would choose: one recv and one send a request, head
 * and large body in one sendmsg, TCP_DEFER_ACCEPT with a recv right after accept, and, with `close`, a last send
 * marked MSG_MORE so that the data and the FIN leave as one segment.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
	MAX_DESCRIPTORS = 65536,
	MAX_EVENTS = 256,
	READ_BYTES = 65536,
	COPY_BYTES = 16384, /* up to here head and body are one buffer and one send */
};

static char read_buffer[READ_BYTES];
static size_t sent_of[MAX_DESCRIPTORS]; /* bytes of the answer already sent; 0 between requests */

static char *head;
static size_t head_bytes;
static char *body;
static size_t body_bytes;
static int closing;
static int poller;

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static void watch(int fd, int operation, unsigned events)
{
	struct epoll_event event = {.events = events, .data.fd = fd};
	if (epoll_ctl(poller, operation, fd, &event) < 0)
		fail("epoll_ctl");
}

/* Sends what is left of the answer. Returns 1 when all of it went, 0 when the socket is full, -1 on an error. */
static int answer(int fd)
{
	size_t total = head_bytes + body_bytes;
	int flags = MSG_DONTWAIT | MSG_NOSIGNAL | (closing ? MSG_MORE : 0);
	while (sent_of[fd] < total) {
		size_t sent = sent_of[fd];
		ssize_t n;
		if (total <= COPY_BYTES) {
			n = send(fd, head + sent, total - sent, flags);
		} else {
			size_t past = sent > head_bytes ? sent - head_bytes : 0;
			struct iovec parts[2] = {{head + sent, sent < head_bytes ? head_bytes - sent : 0},
						 {body + past, body_bytes - past}};
			int first = sent < head_bytes ? 0 : 1;
			struct msghdr message = {.msg_iov = parts + first, .msg_iovlen = (size_t)(2 - first)};
			n = sendmsg(fd, &message, flags);
		}
		if (n < 0)
			return errno == EAGAIN ? 0 : -1;
		sent_of[fd] += (size_t)n;
	}
	sent_of[fd] = 0;
	return 1;
}

/* Reads a request and answers it. Returns 0 when the connection is over and closed. */
static int serve(int fd, int registered)
{
	ssize_t n = recv(fd, read_buffer, READ_BYTES, MSG_DONTWAIT);
	if (n < 0 && errno == EAGAIN)
		return 1;
	if (n > 0) {
		int done = answer(fd);
		if (done == 0)
			watch(fd, registered ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, EPOLLOUT);
		if (done == 0 || (done == 1 && !closing))
			return done == 0 ? 2 : 1;
	}
	sent_of[fd] = 0;
	close(fd);
	return 0;
}

static void accept_one(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0)
		return;
	if (fd >= MAX_DESCRIPTORS) {
		close(fd);
		return;
	}
	sent_of[fd] = 0;
	if (serve(fd, 0) == 1)
		watch(fd, EPOLL_CTL_ADD, EPOLLIN);
}

static void drain(int fd)
{
	int done = answer(fd);
	if (done == 0)
		return;
	if (done == 1 && !closing) {
		watch(fd, EPOLL_CTL_MOD, EPOLLIN);
		return;
	}
	sent_of[fd] = 0;
	close(fd);
}

static int listen_on(int port)
{
	int one = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	/* Accepted sockets inherit TCP_NODELAY from the listener. */
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) < 0 ||
	    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) < 0 ||
	    setsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &one, sizeof one) < 0 ||
	    bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, 4096) < 0)
		fail("listen");
	return fd;
}

static void make_answer(void)
{
	head = malloc(512 + body_bytes);
	if (!head)
		fail("malloc");
	head_bytes = (size_t)snprintf(head, 512,
				      "HTTP/1.1 200 OK\r\nServer: raw\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
				      "Content-Type: text/plain\r\nContent-Length: %zu\r\n%s\r\n",
				      body_bytes, closing ? "Connection: close\r\n" : "");
	body = head + head_bytes;
	memset(body, 'x', body_bytes);
}

int main(int argc, char **argv)
{
	if (argc < 3) {
		fprintf(stderr, "usage: raw PORT BODY_BYTES [close]\n");
		return 2;
	}
	body_bytes = strtoul(argv[2], NULL, 10);
	closing = argc > 3;
	make_answer();
	int listener = listen_on(atoi(argv[1]));
	poller = epoll_create1(EPOLL_CLOEXEC);
	watch(listener, EPOLL_CTL_ADD, EPOLLIN);
	for (;;) {
		struct epoll_event events[MAX_EVENTS];
		int count = epoll_wait(poller, events, MAX_EVENTS, -1);
		for (int i = 0; i < count; i++) {
			int fd = events[i].data.fd;
			if (fd == listener)
				accept_one(listener);
			else if (events[i].events & EPOLLOUT)
				drain(fd);
			else
				serve(fd, 1);
		}
	}
}
