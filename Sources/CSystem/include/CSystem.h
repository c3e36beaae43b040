#pragma once
// SPDX-License-Identifier: Apache-2.0
// What the Swift importer cannot see by itself; nothing else belongs here.
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>

// accept4 is hidden behind _GNU_SOURCE, which the importer does not define.
int bulkhead_accept4(int fd, struct sockaddr *address, socklen_t *length, int flags);

// struct ucred is hidden behind _GNU_SOURCE as well.
int bulkhead_peer_uid(int fd, unsigned int *user);

// prctl is variadic.
int bulkhead_forbid_dumps(void);

// getrandom and pthread_setname_np are hidden behind _GNU_SOURCE.
ssize_t bulkhead_getrandom(void *bytes, size_t count);
int bulkhead_name_thread(const char *name);

// recv and send without the cancellation points that the C library puts around them in a process with threads:
// nobody here cancels a thread, and they are called four times for each request.
ssize_t bulkhead_receive(int fd, void *bytes, size_t count);
ssize_t bulkhead_send(int fd, const void *bytes, size_t count);
// Both pieces, one after the other, in one call.
ssize_t bulkhead_send_two(int fd, const void *first, size_t first_count, const void *second, size_t second_count);

// A listening socket's filter drops what would begin another connection, and lets the handshakes under way end.
int bulkhead_refuse_new_connections(int fd);

// SCM_RIGHTS, whose macros the importer cannot see: one message with one descriptor, and a text beside it.
ssize_t bulkhead_send_descriptor(int socket, int descriptor, const void *text, size_t count);
// Sets descriptor to -1 where none came.
ssize_t bulkhead_receive_descriptor(int socket, int *descriptor, void *text, size_t count);
