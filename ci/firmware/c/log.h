/* The program `log`: verifies and appends to logs, on whatever platform it is compiled for. Its report is the
 * one of the Rust firmware, and of `cargo xtask ci qemu` for what `aof verify --json` says. */
#ifndef LOG_H
#define LOG_H

#include "aof.h"

/* ---- what a platform gives: board.c, host.c */

/* Opens the log at `path` (with `writes`, for writing too) as a device. 0, or a code. There is one at a time. */
int platform_open(aof_device *device, const char *path, int writes);
/* Closes it. */
void platform_close(void);
/* Prints `size` characters to standard output. */
void platform_print(const char *text, size_t size);

/* ---- what the program gives */

/* Runs `read FILE` or `append FILE PROFILE [COUNT]`; the first word is the program's name. Gives the exit code:
 * 0 done, 1 the log is refused or the device failed, 2 wrong usage. */
int log_run(size_t count, const char *const *words);

/* The code of the guide: guide.c. */
aof_error log_one(const aof_device *device, void *buffer, size_t buffer_size, aof_failure *failure);

#endif
