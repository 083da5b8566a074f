//! The events of a ledger: [`Account`] and [`Transfer`], 128 bytes each, viewed in place.
//!
//! | offset | size | account | transfer |
//! |---|---|---|---|
//! | 0 | 16 | id | id |
//! | 16 | 16 | debits_pending | debit_account_id |
//! | 32 | 16 | debits_posted | credit_account_id |
//! | 48 | 16 | credits_pending | amount |
//! | 64 | 16 | credits_posted | pending_id |
//! | 80 | 16 | user_data_128 | user_data_128 |
//! | 96 | 8 | user_data_64 | user_data_64 |
//! | 104 | 4 | user_data_32 | user_data_32 |
//! | 108 | 4 | reserved | timeout, s |
//! | 112 | 4 | ledger | ledger |
//! | 116 | 2 | code | code |
//! | 118 | 2 | flags | flags |
//! | 120 | 8 | timestamp, ns | timestamp, ns |
//!
//! Facts: `Account`, `AccountFlags`, `Transfer` and `TransferFlags` in `src/tigerbeetle.zig` of TigerBeetle,
//! snapshot of 2026-07-01; the same layout in every release that writes entries of this format.

use core::fmt;
use core::mem::{offset_of, size_of};
use zerocopy::little_endian::{U16, U32, U64, U128};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// Bytes of an account or of a transfer.
pub const EVENT_SIZE: usize = 128;

/// An account, as a client asks for it. Numbers are little-endian, at any address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct Account {
    /// Its identity.
    pub id: U128,
    /// A balance: 0 where an account is created.
    pub debits_pending: U128,
    /// A balance: 0 where an account is created.
    pub debits_posted: U128,
    /// A balance: 0 where an account is created.
    pub credits_pending: U128,
    /// A balance: 0 where an account is created.
    pub credits_posted: U128,
    /// The user's.
    pub user_data_128: U128,
    /// The user's.
    pub user_data_64: U64,
    /// The user's.
    pub user_data_32: U32,
    /// Zero.
    pub reserved: U32,
    /// Accounts of one ledger transfer among each other.
    pub ledger: U32,
    /// The user's kind of account.
    pub code: U16,
    /// See [`flags`](Self::flags).
    pub flags: U16,
    /// 0, or an imported account's own time, ns.
    pub timestamp: U64,
}

/// A transfer, as a client asks for it. Numbers are little-endian, at any address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct Transfer {
    /// Its identity.
    pub id: U128,
    /// Where it comes from.
    pub debit_account_id: U128,
    /// Where it goes.
    pub credit_account_id: U128,
    /// How much; the largest number there is may stand for "as much as there is".
    pub amount: U128,
    /// The pending transfer that it posts or voids.
    pub pending_id: U128,
    /// The user's.
    pub user_data_128: U128,
    /// The user's.
    pub user_data_64: U64,
    /// The user's.
    pub user_data_32: U32,
    /// When it expires if it is pending, s; 0 for never.
    pub timeout: U32,
    /// That of both accounts.
    pub ledger: U32,
    /// The user's kind of transfer.
    pub code: U16,
    /// See [`flags`](Self::flags).
    pub flags: U16,
    /// 0, or an imported transfer's own time, ns.
    pub timestamp: U64,
}

const _: () = {
    assert!(size_of::<Account>() == EVENT_SIZE);
    assert!(size_of::<Transfer>() == EVENT_SIZE);
    assert!(offset_of!(Account, user_data_128) == 80);
    assert!(offset_of!(Account, reserved) == 108);
    assert!(offset_of!(Account, ledger) == 112);
    assert!(offset_of!(Account, flags) == 118);
    assert!(offset_of!(Account, timestamp) == 120);
    assert!(offset_of!(Transfer, amount) == 48);
    assert!(offset_of!(Transfer, user_data_128) == 80);
    assert!(offset_of!(Transfer, timeout) == 108);
    assert!(offset_of!(Transfer, ledger) == 112);
    assert!(offset_of!(Transfer, flags) == 118);
    assert!(offset_of!(Transfer, timestamp) == 120);
};

/// The bits of an event's `flags`, with names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Flags {
    /// The bits.
    pub bits: u16,
    names: &'static [&'static str],
}

/// Of an account's flags, by bit.
const ACCOUNT_FLAGS: [&str; 6] = [
    "linked",
    "debits_must_not_exceed_credits",
    "credits_must_not_exceed_debits",
    "history",
    "imported",
    "closed",
];

/// Of a transfer's flags, by bit.
const TRANSFER_FLAGS: [&str; 9] = [
    "linked",
    "pending",
    "post_pending_transfer",
    "void_pending_transfer",
    "balancing_debit",
    "balancing_credit",
    "closing_debit",
    "closing_credit",
    "imported",
];

impl Flags {
    /// The names of the bits that are set and have one.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        let is_set = move |bit: usize| self.bits >> bit & 1 != 0;
        self.names.iter().enumerate().filter(move |(bit, _)| is_set(*bit)).map(|(_, name)| *name)
    }

    /// The bits that are set and have no name.
    #[must_use]
    pub const fn unknown(self) -> u16 {
        // No more than 15 names.
        self.bits >> self.names.len() << self.names.len()
    }
}

impl fmt::Display for Flags {
    /// Names with `|` between them, then what has no name as a number; nothing where no bit is set.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut between = "";
        for name in self.names() {
            write!(f, "{between}{name}")?;
            between = "|";
        }
        match self.unknown() {
            0 => Ok(()),
            bits => write!(f, "{between}{bits:#x}"),
        }
    }
}

impl Account {
    /// The flags by name.
    #[must_use]
    pub const fn flags(&self) -> Flags {
        Flags { bits: self.flags.get(), names: &ACCOUNT_FLAGS }
    }
}

impl Transfer {
    /// The flags by name.
    #[must_use]
    pub const fn flags(&self) -> Flags {
        Flags { bits: self.flags.get(), names: &TRANSFER_FLAGS }
    }

    /// Whether the transfer is pending and has a time-out: a pulse expires it.
    #[must_use]
    pub const fn expires(&self) -> bool {
        self.flags.get() & FLAG_PENDING != 0 && self.timeout.get() != 0
    }
}

const FLAG_PENDING: u16 = 1 << 1;

#[cfg(test)]
mod tests {
    use super::*;
    use core::fmt::Write;

    fn text(flags: Flags) -> heapless::String<200> {
        let mut text = heapless::String::new();
        write!(text, "{flags}").unwrap();
        text
    }

    #[test]
    fn flags_are_told_by_name_and_the_rest_as_a_number() {
        let mut transfer: Transfer = zerocopy::FromZeros::new_zeroed();
        assert_eq!(text(transfer.flags()), "");
        transfer.flags = 0x0102.into();
        assert_eq!(text(transfer.flags()), "pending|imported");
        transfer.flags = 0xfe01.into();
        assert_eq!(text(transfer.flags()), "linked|0xfe00");
        let mut account: Account = zerocopy::FromZeros::new_zeroed();
        account.flags = 0x0068.into();
        assert_eq!(text(account.flags()), "history|closed|0x40");
    }

    #[test]
    fn only_pending_transfers_with_a_time_out_expire() {
        let expires = |timeout: u32, flags: u16| {
            let mut transfer: Transfer = zerocopy::FromZeros::new_zeroed();
            (transfer.timeout, transfer.flags) = (timeout.into(), flags.into());
            transfer.expires()
        };
        assert_eq!([expires(0, 0), expires(1, 0), expires(0, 2)], [false; 3]);
        assert_eq!([expires(1, 2), expires(9, 3)], [true; 2]);
    }
}
