// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <stddef.h>
#include <stdint.h>

// What libFuzzer calls for each input; the bytes are its own and end with the call.
typedef int (*fuzzer_target)(const uint8_t *bytes, size_t count);

// libFuzzer's own main: reads its options, runs, and returns the exit code.
int LLVMFuzzerRunDriver(int *count, char ***arguments, fuzzer_target target);
