//! Carries defmt's frames to the file `device.defmt` of the host, by semihosting.
//!
//! ```text
//! defmt::info!  --acquire, write.., release-->  encoder  -->  64 bytes  --full, or frame ended-->  file
//! ```
//!
//! A host's call takes longer than all else here, so bytes are gathered: most frames are one call. A frame is
//! in the file before the line behind it runs; what the host does not take is lost in silence, as a logger
//! must not fail. A file of its own, since the report has the standard output.

use core::cell::RefCell;
use critical_section::{Mutex, RestoreState};
use semihosting::fs::File;
use semihosting::io::Write as _;

// Each brings its CPU's critical section: interrupts off, on one core.
#[cfg(target_arch = "arm")]
use cortex_m as _;
#[cfg(target_arch = "riscv32")]
use riscv as _;

/// Bytes gathered for one call of the host.
const GATHERED_MAX: usize = 64;

static TRANSPORT: Mutex<RefCell<Transport>> = Mutex::new(RefCell::new(Transport {
    encoder: defmt::Encoder::new(),
    output: Output { file: None, gathered: [0; GATHERED_MAX], count: 0 },
    restore: None,
}));

struct Transport {
    encoder: defmt::Encoder,
    output: Output,
    /// How interrupts stood before the frame that is being written, if one is.
    restore: Option<RestoreState>,
}

struct Output {
    file: Option<File>,
    gathered: [u8; GATHERED_MAX],
    count: usize,
}

impl Output {
    fn push(&mut self, bytes: &[u8]) {
        for byte in bytes {
            if self.count == GATHERED_MAX {
                self.send();
            }
            if let Some(room) = self.gathered.get_mut(self.count) {
                *room = *byte;
                self.count += 1;
            }
        }
    }

    fn send(&mut self) {
        let bytes = self.gathered.get(..self.count).unwrap_or(&self.gathered);
        if let Some(file) = &mut self.file {
            let _ = file.write_all(bytes); // there is nobody to tell
        }
        self.count = 0;
    }
}

/// Begins the log's file. What is logged before is lost.
pub(crate) fn open() {
    let file = File::create(c"device.defmt").ok();
    with(|transport| transport.output.file = file);
}

fn with(run: impl FnOnce(&mut Transport)) {
    critical_section::with(|section| run(&mut TRANSPORT.borrow_ref_mut(section)));
}

#[defmt::global_logger]
struct Logger;

// SAFETY: between `acquire` and `release` interrupts are off on the only core, so there is one execution
// context, and it has the logger.
#[expect(unsafe_code, reason = "the trait is unsafe to implement, and the critical section spans two calls")]
unsafe impl defmt::Logger for Logger {
    fn acquire() {
        // SAFETY: each `acquire` is followed by one `release`, which gives the section back; frames do not
        // nest, see the assertion.
        let restore = unsafe { critical_section::acquire() };
        with(|transport| {
            assert!(transport.restore.is_none(), "a log line within a log line: do not log in a `Format`");
            transport.restore = Some(restore);
            transport.encoder.start_frame(|bytes| transport.output.push(bytes));
        });
    }

    unsafe fn flush() {
        with(|transport| transport.output.send());
    }

    unsafe fn release() {
        let mut restore = None;
        with(|transport| {
            transport.encoder.end_frame(|bytes| transport.output.push(bytes));
            transport.output.send();
            restore = transport.restore.take();
        });
        if let Some(restore) = restore {
            // SAFETY: it is what the `acquire` before gave.
            unsafe { critical_section::release(restore) };
        }
    }

    unsafe fn write(bytes: &[u8]) {
        with(|transport| transport.encoder.write(bytes, |bytes| transport.output.push(bytes)));
    }
}
