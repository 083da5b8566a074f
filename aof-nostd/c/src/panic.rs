//! What a panic does where there is no operating system: nothing, for ever. Nothing panics; the compiler
//! wants the function all the same, and a linker that drops what is not called drops it.

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {
        core::hint::spin_loop();
    }
}
