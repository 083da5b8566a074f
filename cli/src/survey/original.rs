//! Where the entries are stored that forged ones have the checksums of: [`find`], [`tell`].
//!
//! A survey does not remember where each entry is. The log is read again for it, which only a forgery asks for.

use super::Survey;
use super::fingerprints::Originals;
use super::part::identify;
use crate::output::WATCH;
use crate::reading;
use aof_nostd::{Damage, Located};
use aof_std::scan::{Begin, Scan, Sink};
use std::io;
use std::ops::Range;
use std::path::Path;

/// Puts the places of the entries that forged ones were compared with into the findings of a survey.
pub(super) fn tell(
    scan: &Scan<'_>,
    range: Range<u64>,
    begin: Begin,
    with_digests: bool,
    survey: &mut Survey,
) -> io::Result<()> {
    if let Some(mut originals) = Originals::of(&survey.findings) {
        find(scan, range, begin, with_digests, &mut originals)?;
        originals.tell(&mut survey.findings);
    }
    Ok(())
}

/// Looks for the places of entries in a range of a log.
pub(crate) fn find(
    scan: &Scan<'_>,
    range: Range<u64>,
    begin: Begin,
    with_digests: bool,
    originals: &mut Originals,
) -> io::Result<()> {
    let wanted = originals.clone();
    let new = || Part { originals: wanted.clone(), with_digests };
    scan.run_range(range, begin, new, |part| originals.append(&part.originals))?;
    Ok(())
}

/// The same in a whole file.
pub(crate) fn find_in(path: &Path, message_size_max: u32, originals: &mut Originals) -> io::Result<()> {
    let source = reading::open(path)?;
    let scan = Scan::detect(&source, aof_std::backend())?;
    let scan = scan.with_message_size_max(message_size_max).with_watch(&WATCH);
    find(&scan, 0..u64::MAX, Begin::AtBoundary, false, originals)
}

/// What a segment holds of them.
struct Part {
    originals: Originals,
    with_digests: bool,
}

impl Sink for Part {
    fn entry(&mut self, located: Located<'_>) {
        let op = located.entry.header.op.get();
        if self.originals.wants(op) {
            let (fingerprint, _) = identify(located.entry, self.with_digests);
            self.originals.see(op, fingerprint, located.offset);
        }
    }

    fn damage(&mut self, _damage: Damage, _until: u64) {}
}
