// SPDX-License-Identifier: Apache-2.0

// The entry point does nothing but choose; each command has a file of its own.
exit(code: run(Array(CommandLine.arguments.dropFirst())))
