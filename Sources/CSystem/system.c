// SPDX-License-Identifier: Apache-2.0
#include "CSystem.h"

int bulkhead_accept4(int fd, struct sockaddr *address, socklen_t *length, int flags) {
    return accept4(fd, address, length, flags);
}
