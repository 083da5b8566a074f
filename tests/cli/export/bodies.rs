//! Bodies to order: accounts and transfers, plain or in batches, and logs of them.

use aof_nostd::{AnyProfile, Draft, Operation};
use aof_tests::build::{Builder, Log};

/// A transfer whose fields all tell its number; ledger `number % 3`, from account `number` to the next.
pub(crate) fn transfer(number: u128, amount: u128) -> [u8; 128] {
    let mut bytes = [0; 128];
    for (at, value) in [(0, number), (16, number), (32, number + 1), (48, amount), (64, number << 100)] {
        bytes[at..at + 16].copy_from_slice(&value.to_le_bytes());
    }
    bytes[80..96].copy_from_slice(&(u128::MAX - number).to_le_bytes());
    let low = u64::try_from(number).unwrap();
    bytes[96..104].copy_from_slice(&(u64::MAX - low).to_le_bytes());
    bytes[104..108].copy_from_slice(&u32::MAX.to_le_bytes());
    bytes[108..112].copy_from_slice(&u32::try_from(low + 60).unwrap().to_le_bytes());
    bytes[112..116].copy_from_slice(&u32::try_from(low % 3).unwrap().to_le_bytes());
    bytes[116..118].copy_from_slice(&u16::MAX.to_le_bytes());
    bytes[118..120].copy_from_slice(&2_u16.to_le_bytes());
    bytes[120..128].copy_from_slice(&u64::MAX.to_le_bytes());
    bytes
}

/// An account, of ledger 7.
pub(crate) fn account(number: u128) -> [u8; 128] {
    let mut bytes = [0; 128];
    bytes[..16].copy_from_slice(&number.to_le_bytes());
    bytes[16..32].copy_from_slice(&u128::MAX.to_le_bytes());
    bytes[108..112].copy_from_slice(&9_u32.to_le_bytes());
    bytes[112..116].copy_from_slice(&7_u32.to_le_bytes());
    bytes[118..120].copy_from_slice(&(1_u16 << 3 | 1 << 15).to_le_bytes());
    bytes
}

/// Events with a trailer that tells these counts.
pub(crate) fn batched(events: &[[u8; 128]], counts: &[u16]) -> Vec<u8> {
    let mut body = events.concat();
    let trailer_size = (2 * counts.len() + 2).next_multiple_of(128);
    body.resize(body.len() + trailer_size - (2 * counts.len() + 2), 0xff);
    for count in counts.iter().rev() {
        body.extend(count.to_le_bytes());
    }
    body.extend(u16::try_from(counts.len()).unwrap().to_le_bytes());
    body
}

/// The amounts where forms of numbers end.
pub(crate) const AMOUNTS: [u128; 6] =
    [0, 1, u64::MAX as u128, 10_u128.pow(38) - 1, 10_u128.pow(38), u128::MAX];

/// A log with every operation from 0 to 255 that a header may have, and every form of a body:
/// plain, one batch, several with an empty one, so many batches that the trailer is longer than an event,
/// no event at all, and trailers that lie.
pub(crate) fn every_form() -> Log {
    let mut builder = Builder::new(AnyProfile::default());
    let transfers: Vec<[u8; 128]> =
        (1..).zip(AMOUNTS).map(|(number, amount)| transfer(number, amount)).collect();
    let accounts: Vec<[u8; 128]> = (1..7).map(account).collect();
    let mut request = 0;
    let mut add = |builder: Builder, operation: u8, body: &[u8]| {
        request += 1;
        let draft = Draft {
            operation: Operation(operation),
            timestamp_ns: 1_795_236_810_000_000_000 + u64::from(request) * 1000,
            client: u128::MAX - u128::from(request),
            request,
            ..Draft::default()
        };
        builder.draft(draft).entry(body)
    };
    for operation in 0..=255 {
        builder = match operation {
            129 => add(builder, 129, &accounts.concat()),
            130 => add(builder, 130, &transfers.concat()),
            138 | 146 => add(builder, operation, &batched(&accounts, &[6])),
            139 | 147 => add(builder, operation, &batched(&transfers, &[1, 0, 5])),
            _ => add(builder, operation, b"of no matter"),
        };
    }
    let many: Vec<u16> = (0..100).map(|index| u16::from(index == 99) * 6).collect();
    builder = add(builder, 147, &batched(&transfers, &many));
    builder = add(builder, 146, &batched(&[], &[0]));
    builder = add(builder, 130, &[]);
    for lie in [&[][..], &[0; 128], &[0xff; 256], &batched(&transfers, &[7]), &transfers.concat()[..700]] {
        builder = add(builder, 147, lie);
    }
    builder = add(builder, 129, &[0; 127]);
    builder.build()
}

/// Of [`every_form`]: events, and entries that have some.
pub(crate) const EVERY_FORM: (usize, usize) = (42, 7);
/// Of [`every_form`]: entries whose bodies are none of their operation.
pub(crate) const EVERY_FORM_MALFORMED: usize = 6;
/// Of [`every_form`]: entries of operations without a name.
pub(crate) const EVERY_FORM_UNKNOWN: usize = 256 - 27;
