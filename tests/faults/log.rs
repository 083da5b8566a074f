//! What has to be in a log that a writer wrote: entries from op 1 on, each the child of the one before, with
//! the bodies that their ops say, and behind them nothing but a torn tail.

use crate::command::aof;
use crate::writer::{Said, Writer};
use aof_nostd::{Checksum, DamageKind, Entries, TigerBeetle};
use serde_json::Value;
use std::path::Path;

/// The body of the entry with this op, of the size that `sizes` say.
pub(crate) fn body(op: u64, sizes: &[usize]) -> Vec<u8> {
    let size = sizes[usize::try_from(op).unwrap() % sizes.len()];
    let mut body = Vec::with_capacity(size + 8);
    let mut word = op.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    while body.len() < size {
        body.extend(word.to_le_bytes());
        word = word.rotate_left(7).wrapping_add(op);
    }
    body.truncate(size);
    body
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Found {
    /// The last op; 0 in an empty log.
    pub(crate) last_op: u64,
    /// Its checksum.
    pub(crate) last: Option<Checksum>,
    /// Where the last whole entry ends.
    pub(crate) end: usize,
    /// What stands behind it.
    pub(crate) tail: Vec<u8>,
}

/// Reads a log whose first entry is op 1. Stops the test at anything that no kill could have left.
#[track_caller]
pub(crate) fn read(path: &Path, sizes: &[usize]) -> Found {
    let bytes = std::fs::read(path).unwrap();
    continued(&bytes, sizes, &Found::default())
}

/// The same, for a file whose first entry continues what was found in another.
#[track_caller]
pub(crate) fn continued(bytes: &[u8], sizes: &[usize], before: &Found) -> Found {
    let mut found = Found { end: 0, tail: Vec::new(), ..before.clone() };
    let mut entries = Entries::new(bytes, TigerBeetle::new(aof_std::backend()));
    while let Some(event) = entries.next() {
        match event {
            Ok(located) => {
                let header = &located.entry.header;
                let op = found.last_op + 1;
                assert_eq!(located.offset, found.end as u64, "entries stand behind each other");
                assert_eq!(header.op().0, op, "one entry for each op");
                if let Some(last) = found.last {
                    assert_eq!(header.parent, last, "op {op} is not the child of the op before");
                }
                assert!(
                    located.entry.body == *body(op, sizes),
                    "the body of op {op} is not what was written"
                );
                found.last_op = op;
                found.last = Some(header.checksum);
                found.end += usize::try_from(header.size_disk()).unwrap();
            }
            Err(damage) => {
                let torn = matches!(damage.kind, DamageKind::TornTail { .. });
                assert!(torn && damage.offset == found.end as u64, "not what a kill leaves: {damage}");
                assert!(entries.next().is_none(), "something stands behind a torn tail");
                break;
            }
        }
    }
    found.tail = bytes[found.end..].to_vec();
    found
}

/// What `aof verify` finds agrees with `found`, and is nothing but a torn tail.
#[track_caller]
pub(crate) fn verify(path: &Path, found: &Found) {
    let torn = !found.tail.is_empty();
    let ran = aof(["verify".as_ref(), "--json".as_ref(), path.as_os_str()]).code(i32::from(torn));
    let survey: Value = serde_json::from_str(&ran.stdout).unwrap();
    let findings = survey["findings"].as_array().unwrap();
    assert_eq!(survey["last_op"].as_u64().unwrap_or(0), found.last_op, "{survey}");
    assert_eq!(findings.len(), usize::from(torn), "{survey}");
    for finding in findings {
        assert_eq!(
            (&finding["kind"], finding["offset"].as_u64()),
            (&"torn-tail".into(), Some(found.end as u64))
        );
        assert_eq!(finding["size"].as_u64(), Some(found.tail.len() as u64), "{survey}");
    }
}

/// A writer goes on with the log by itself: it cuts what is torn, and writes and closes `more` entries.
/// Gives what it said.
#[track_caller]
pub(crate) fn goes_on(writer: &Writer, found: &Found, more: u64) -> Said {
    let writer = Writer { up_to: found.last_op + more, through: Vec::new(), ..writer.clone() };
    let said = writer.run();
    assert!(said.status.success() && said.has("closed"), "{said:?}");
    assert_eq!(said.has("kept"), !found.tail.is_empty(), "{said:?}");
    if let Some(kept) = said.all("kept").next() {
        assert_eq!(std::fs::read(kept).unwrap(), found.tail, "the torn tail's bytes are kept");
    }
    let after = read(&writer.log, &writer.sizes);
    assert_eq!((after.last_op, after.tail.len()), (found.last_op + more, 0));
    verify(&writer.log, &after);
    said
}
