//! What an entry does: the protocol's operations (below 128) and the state machine's (128 and up).

use core::fmt;

/// The operation of a prepare. Values without a name stay representable.
///
/// ```
/// use aof_nostd::wire::Operation;
/// assert_eq!(Operation::CREATE_TRANSFERS.name(), Some("create_transfers"));
/// assert!(Operation::CREATE_TRANSFERS.is_replayable());
/// assert_eq!(Operation(200).name(), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Operation(pub u8);

macro_rules! operations {
    ($($(#[$doc:meta])* $constant:ident = $value:literal $name:literal)*) => {
        impl Operation {
            $($(#[$doc])* pub const $constant: Self = Self($value);)*

            /// The name, where the value has one. Deprecated forms share a name's stem.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match self {
                    $(Self::$constant => Some($name),)*
                    _ => None,
                }
            }
        }
    };
}

operations! {
    /// Not an operation: the mark of an unused journal slot.
    RESERVED = 0 "reserved"
    /// The prepare with op 0, which no file holds.
    ROOT = 1 "root"
    /// A client's session begins.
    REGISTER = 2 "register"
    /// The cluster's members change.
    RECONFIGURE = 3 "reconfigure"
    /// Pending transfers expire: the form that replicas write.
    PULSE = 4 "pulse"
    /// The cluster goes on with a newer release.
    UPGRADE = 5 "upgrade"
    /// Nothing.
    NOOP = 6 "noop"
    /// Pending transfers expire: the state machine's number, which no replica writes.
    PULSE_STATE_MACHINE = 128 "pulse_state_machine"
    /// Accounts are created; one batch, deprecated.
    CREATE_ACCOUNTS_UNBATCHED = 129 "create_accounts_unbatched"
    /// Transfers are created; one batch, deprecated.
    CREATE_TRANSFERS_UNBATCHED = 130 "create_transfers_unbatched"
    /// Deprecated form of [`LOOKUP_ACCOUNTS`](Self::LOOKUP_ACCOUNTS).
    LOOKUP_ACCOUNTS_UNBATCHED = 131 "lookup_accounts_unbatched"
    /// Deprecated form of [`LOOKUP_TRANSFERS`](Self::LOOKUP_TRANSFERS).
    LOOKUP_TRANSFERS_UNBATCHED = 132 "lookup_transfers_unbatched"
    /// Deprecated form of [`GET_ACCOUNT_TRANSFERS`](Self::GET_ACCOUNT_TRANSFERS).
    GET_ACCOUNT_TRANSFERS_UNBATCHED = 133 "get_account_transfers_unbatched"
    /// Deprecated form of [`GET_ACCOUNT_BALANCES`](Self::GET_ACCOUNT_BALANCES).
    GET_ACCOUNT_BALANCES_UNBATCHED = 134 "get_account_balances_unbatched"
    /// Deprecated form of [`QUERY_ACCOUNTS`](Self::QUERY_ACCOUNTS).
    QUERY_ACCOUNTS_UNBATCHED = 135 "query_accounts_unbatched"
    /// Deprecated form of [`QUERY_TRANSFERS`](Self::QUERY_TRANSFERS).
    QUERY_TRANSFERS_UNBATCHED = 136 "query_transfers_unbatched"
    /// Change events are read.
    GET_CHANGE_EVENTS = 137 "get_change_events"
    /// Accounts are created; results of failures only, deprecated.
    CREATE_ACCOUNTS_SPARSE = 138 "create_accounts_sparse"
    /// Transfers are created; results of failures only, deprecated.
    CREATE_TRANSFERS_SPARSE = 139 "create_transfers_sparse"
    /// Accounts are read by id.
    LOOKUP_ACCOUNTS = 140 "lookup_accounts"
    /// Transfers are read by id.
    LOOKUP_TRANSFERS = 141 "lookup_transfers"
    /// An account's transfers are read.
    GET_ACCOUNT_TRANSFERS = 142 "get_account_transfers"
    /// An account's balances are read.
    GET_ACCOUNT_BALANCES = 143 "get_account_balances"
    /// Accounts are searched.
    QUERY_ACCOUNTS = 144 "query_accounts"
    /// Transfers are searched.
    QUERY_TRANSFERS = 145 "query_transfers"
    /// Accounts are created.
    CREATE_ACCOUNTS = 146 "create_accounts"
    /// Transfers are created.
    CREATE_TRANSFERS = 147 "create_transfers"
}

impl Operation {
    /// Whether the protocol owns the operation (below 128) rather than the state machine.
    #[must_use]
    pub const fn is_protocol(self) -> bool {
        self.0 < 128
    }

    /// Whether the reference's replay sends it, which is also the set that its data checksum covers:
    /// 128, 129, 130, 138, 139, 146 and 147. Real replicas log pulses as 4, which is not in the set.
    #[must_use]
    pub const fn is_replayable(self) -> bool {
        matches!(self.0, 128..=130 | 138 | 139 | 146 | 147)
    }
}

impl fmt::Display for Operation {
    /// `name(number)`, or `unknown(number)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({})", self.name().unwrap_or("unknown"), self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replayable_set_is_the_references() {
        let set = [128, 129, 130, 138, 139, 146, 147];
        for value in 0..=255 {
            assert_eq!(Operation(value).is_replayable(), set.contains(&value), "{value}");
        }
    }

    #[test]
    fn names_cover_0_to_6_and_128_to_147() {
        for value in 0..=255 {
            let named = matches!(value, 0..=6 | 128..=147);
            assert_eq!(Operation(value).name().is_some(), named, "{value}");
        }
    }
}
