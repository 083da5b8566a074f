//! From reset to the program, and what a fault prints.
//!
//! QEMU loads the image, starts one CPU at EL1 with everything off, and jumps to `_start`:
//!
//! 1. floating point and SIMD on: the compiler and the AES instructions use those registers;
//! 2. the [map](crate::map) and the caches on, alignment checks off;
//! 3. static variables without a value zeroed, the stack set;
//! 4. `aof_main`, which the macro [`program`](crate::program) defines.
#![allow(unsafe_code, reason = "assembly")]

use crate::map::{MAIR, TABLE, TCR};
use core::arch::global_asm;

global_asm!(
    r#"
    .section .text.start, "ax"
    .global _start
_start:
    mov     x0, #(3 << 20)
    msr     CPACR_EL1, x0
    adr     x0, vectors
    msr     VBAR_EL1, x0

    ldr     x0, ={mair}
    msr     MAIR_EL1, x0
    ldr     x0, ={tcr}
    msr     TCR_EL1, x0
    adrp    x0, {table}
    add     x0, x0, :lo12:{table}
    msr     TTBR0_EL1, x0
    tlbi    vmalle1
    ic      iallu
    dsb     sy
    isb
    mrs     x0, SCTLR_EL1
    bic     x0, x0, #(1 << 1)
    orr     x0, x0, #(1 << 0)
    orr     x0, x0, #(1 << 2)
    orr     x0, x0, #(1 << 12)
    msr     SCTLR_EL1, x0
    isb

    ldr     x0, =__bss_start
    ldr     x1, =__bss_end
0:  cmp     x0, x1
    b.hs    1f
    stp     xzr, xzr, [x0], #16
    b       0b
1:  ldr     x0, =__stack_top
    mov     sp, x0
    bl      aof_main

    .balign 2048
vectors:
    .rept   16
    b       2f
    .balign 128
    .endr
2:  mrs     x0, ESR_EL1
    mrs     x1, ELR_EL1
    mrs     x2, FAR_EL1
    ldr     x3, =__stack_top
    mov     sp, x3
    b       {fault}
    "#,
    mair = const MAIR,
    tcr = const TCR,
    table = sym TABLE,
    fault = sym fault,
);

/// Nothing here enables interrupts: whatever comes through a vector is a mistake of the program.
extern "C" fn fault(syndrome: u64, at: u64, address: u64) -> ! {
    semihosting::eprintln!(
        "fault: syndrome {syndrome:#x} at {at:#x}, address {address:#x}: see ESR_EL1 in the Arm manual"
    );
    semihosting::process::exit(102)
}
