// SPDX-License-Identifier: Apache-2.0
#include "CSystem.h"
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

int bulkhead_accept4(int fd, struct sockaddr *address, socklen_t *length, int flags) {
    return accept4(fd, address, length, flags);
}

int bulkhead_peer_uid(int fd, unsigned int *user) {
    struct ucred credentials;
    socklen_t length = sizeof credentials;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0) return -1;
    *user = credentials.uid;
    return 0;
}

int bulkhead_forbid_dumps(void) { return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); }

ssize_t bulkhead_getrandom(void *bytes, size_t count) { return getrandom(bytes, count, 0); }

int bulkhead_name_thread(const char *name) { return pthread_setname_np(pthread_self(), name); }

ssize_t bulkhead_receive(int fd, void *bytes, size_t count) {
    return syscall(SYS_recvfrom, fd, bytes, count, 0, NULL, NULL);
}

ssize_t bulkhead_send(int fd, const void *bytes, size_t count) {
    return syscall(SYS_sendto, fd, bytes, count, MSG_NOSIGNAL, NULL, 0);
}
