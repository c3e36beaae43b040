// SPDX-License-Identifier: Apache-2.0
// A target needs a source; the function lies in libFuzzer, which run.sh links.
#include "fuzzer.h"
