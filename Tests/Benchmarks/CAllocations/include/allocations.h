// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <stdint.h>

// Blocks that this process has taken from the heap so far.
int64_t allocations_made(void);
// Blocks that it has given back.
int64_t allocations_freed(void);
