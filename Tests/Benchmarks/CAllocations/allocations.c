// SPDX-License-Identifier: Apache-2.0
// Stands in front of glibc's allocator and counts. The process that counts has one thread.
#include "allocations.h"
#include <errno.h>
#include <stddef.h>

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
extern void __libc_free(void *);

static int64_t made;
static int64_t freed;

int64_t allocations_made(void) { return made; }
int64_t allocations_freed(void) { return freed; }

void *malloc(size_t size) {
    made++;
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
    made++;
    return __libc_calloc(count, size);
}

// A block that moves or grows counts as one taken and one given back.
void *realloc(void *block, size_t size) {
    made++;
    if (block) freed++;
    return __libc_realloc(block, size);
}

void *memalign(size_t alignment, size_t size) {
    made++;
    return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }

int posix_memalign(void **block, size_t alignment, size_t size) {
    *block = memalign(alignment, size);
    return *block ? 0 : ENOMEM;
}

void free(void *block) {
    if (block) freed++;
    __libc_free(block);
}
