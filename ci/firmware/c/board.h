/* Arm's board mps2-an385 (Cortex-M3) for a bare C program: files of the host by semihosting, no libc. */
#ifndef BOARD_H
#define BOARD_H

#include <stddef.h>
#include <stdint.h>

/* ---- semihosting: the emulator carries out calls of the host */

enum { SYS_OPEN = 0x01, SYS_CLOSE = 0x02, SYS_WRITE = 0x05, SYS_READ = 0x06, SYS_SEEK = 0x0a };
enum { SYS_FLEN = 0x0c, SYS_ERRNO = 0x13, SYS_GET_CMDLINE = 0x15, SYS_EXIT = 0x18 };
enum { MODE_READ = 1, MODE_UPDATE = 3, MODE_WRITE = 5 };

static inline int32_t semihosting(uint32_t operation, const void *argument)
{
    register uint32_t r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return (int32_t)r0;
}

/* The program: start.c calls it when memory is as C wants it, and ends the emulator with the exit code that it
 * gives (what is not 0 arrives as 1). */
int start(void);

#endif
