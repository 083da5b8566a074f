//! Transfers that end with an interrupt, as those of a DMA controller do. Here the system timer's tick ends
//! whatever is under way.

use core::future::poll_fn;
use core::sync::atomic::{AtomicBool, Ordering};
use core::task::Poll;
use cortex_m::peripheral::SYST;
use cortex_m::peripheral::syst::SystClkSource;
use embassy_sync::waitqueue::AtomicWaker;

/// Ticks of the processor's clock between two interrupts: 40 microseconds at the 25 MHz of `mps2-an385`.
const INTERRUPT_TICKS: u32 = 1000;

/// One for each file.
pub static TRANSFERS: [Transfer; 2] = [const { Transfer::new() }; 2];

/// A transfer, under way or not.
pub struct Transfer {
    is_busy: AtomicBool,
    waker: AtomicWaker,
}

impl Transfer {
    const fn new() -> Self {
        Self { is_busy: AtomicBool::new(false), waker: AtomicWaker::new() }
    }

    /// Starts one, and ends with it.
    pub async fn run(&self) {
        self.is_busy.store(true, Ordering::Release);
        poll_fn(|context| {
            // First the waker: an interrupt in between would wake nobody.
            self.waker.register(context.waker());
            if self.is_busy.load(Ordering::Acquire) { Poll::Pending } else { Poll::Ready(()) }
        })
        .await;
    }

    fn end(&self) {
        if self.is_busy.swap(false, Ordering::AcqRel) {
            self.waker.wake();
        }
    }
}

/// Makes the timer interrupt from now on.
pub fn start_timer(timer: &mut SYST) {
    timer.set_clock_source(SystClkSource::Core);
    timer.set_reload(INTERRUPT_TICKS - 1);
    timer.clear_current();
    timer.enable_interrupt();
    timer.enable_counter();
}

#[cortex_m_rt::exception]
fn SysTick() {
    TRANSFERS.iter().for_each(Transfer::end);
}
