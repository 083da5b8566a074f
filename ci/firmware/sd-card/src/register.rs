//! The registers of the LM3S6965 that the card's bus needs: names, addresses, and the two lines that touch
//! them.
//!
//! Names and bits are those of the chip's data sheet (LM3S6965, chapters "System Control", "GPIOs" and
//! "Synchronous Serial Interface").

use core::ptr;

/// A 32-bit register of the chip, by its address.
#[derive(Clone, Copy, Debug)]
#[repr(usize)]
pub(crate) enum Register {
    /// SSI0: frame format, data size, clock rate.
    SsiControl0 = 0x4000_8000,
    /// SSI0: master or slave, enable.
    SsiControl1 = 0x4000_8004,
    /// SSI0: what is written is sent, what was received is read; 8 deep each.
    SsiData = 0x4000_8008,
    /// SSI0: see [`ssi_status`].
    SsiStatus = 0x4000_800c,
    /// SSI0: clock prescaler, an even number from 2 to 254.
    SsiPrescale = 0x4000_8010,
    /// Port A: which pins belong to a peripheral; SSI0 has pins 2 (clock), 4 (receive) and 5 (send).
    PortAAlternate = 0x4000_4420,
    /// Port A: which pins have a pull-up.
    PortAPullUp = 0x4000_4510,
    /// Port A: which pins are digital.
    PortADigital = 0x4000_451c,
    /// Port D: the level of pin 0 alone. Bits 9 to 2 of the address are the mask of pins.
    PortDPin0 = 0x4000_7004,
    /// Port D: which pins are outputs.
    PortDDirection = 0x4000_7400,
    /// Port D: which pins are digital.
    PortDDigital = 0x4000_751c,
    /// Clock gates of the serial peripherals; bit 4 is SSI0.
    ClockGates1 = 0x400f_e104,
    /// Clock gates of the ports; bit 0 is port A, bit 3 is port D.
    ClockGates2 = 0x400f_e108,
}

/// Bits of [`Register::SsiStatus`].
pub(crate) mod ssi_status {
    /// Something was received.
    pub(crate) const RECEIVED: u32 = 1 << 2;
    /// Something is still being sent.
    pub(crate) const BUSY: u32 = 1 << 4;
}

#[expect(unsafe_code, reason = "registers are reached by address, there is no other way")]
impl Register {
    pub(crate) fn read(self) -> u32 {
        // SAFETY: every variant is the address of a 32-bit register of this chip: aligned, always there, no
        // Rust object. Reading one has no effect on memory.
        unsafe { ptr::with_exposed_provenance::<u32>(self as usize).read_volatile() }
    }

    pub(crate) fn write(self, value: u32) {
        // SAFETY: as for `read`. None of these registers starts a transfer from or to memory.
        unsafe { ptr::with_exposed_provenance_mut::<u32>(self as usize).write_volatile(value) }
    }

    /// Sets these bits, the others stay.
    pub(crate) fn set(self, bits: u32) {
        self.write(self.read() | bits);
    }
}
