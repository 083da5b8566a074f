/* The first thing that runs on the board: vectors and startup. Its memory map is board.ld. */

#include "board.h"

/* From board.ld. */
extern uint32_t data_start[], data_end[], data_load[], bss_start[], bss_end[], stack_top[];

void reset(void);

static __attribute__((noreturn)) void end(int code)
{
    /* What is not "the application ended" is exit code 1. */
    semihosting(SYS_EXIT, (const void *)(code == 0 ? 0x20026u : 0x20024u));
    for (;;) {
    }
}

void reset(void)
{
    uint32_t *target;
    const uint32_t *source = data_load;
    for (target = data_start; target < data_end; target++) {
        *target = *source++;
    }
    for (target = bss_start; target < bss_end; target++) {
        *target = 0;
    }
    end(start());
}

static void fault(void)
{
    end(1);
}

/* The first words of the flash: the stack, then what the CPU calls. */
__attribute__((section(".vectors"), used)) static const struct {
    uint32_t *stack;
    void (*handlers[15])(void);
} vectors = {stack_top, {reset, fault, fault, fault, fault, fault, 0, 0, 0, 0, fault, fault, 0, fault, fault}};
