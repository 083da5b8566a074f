//! Verifying a whole log in one call.

use crate::border::{Buffer, Findings, Out, call, links, value, value_or_default};
use crate::device::Device;
use crate::error::{aof_error, aof_failure, finding, relation, rule_of};
use crate::profile;
use crate::reader::{self, LogReader};
use crate::types::{
    AOF_FINDING_BACKTRACK, AOF_FINDING_BODY_CHECKSUM, AOF_FINDING_FORK, AOF_FINDING_GAP, aof_device,
    aof_finding, aof_finding_fn, aof_link, aof_options, aof_report,
};
use aof_nostd::chain::{Chain, ChainLink, History, Relation};
use aof_nostd::{Checksum, Damage, DamageKind, LocatedHeader, Op, ReadError};
use core::ffi::c_void;

/// Verifies a log from its first byte to its end, goes on behind damage, and says what it holds: the
/// figures and findings of `aof verify`, but for the missing ops and the data checksum. A buffer of
/// `AOF_BUFFER_SIZE_MIN` bytes is enough for entries of any size. `*report` is written whatever happens:
/// where the verification ended early, with what was seen until then.
///
/// Errors: `AOF_ERROR_DEVICE`, `AOF_ERROR_SHRUNK`, `AOF_ERROR_BUFFER`, `AOF_ERROR_PROFILE`,
/// `AOF_ERROR_STOPPED`, and those of a wrong call. Damage is none: look at `sound`.
///
/// # Safety
///
/// Pointers are NULL or point at what their types say; `buffer` has `buffer_size` bytes, the history of the
/// options has room for `history_count` links; `finding` may be called with `context`, and the device's
/// callbacks with theirs.
#[unsafe(no_mangle)]
#[allow(unsafe_code, reason = "called from C")]
pub unsafe extern "C" fn aof_verify(
    device: *const aof_device,
    buffer: *mut c_void,
    buffer_size: usize,
    options: *const aof_options,
    finding: aof_finding_fn,
    context: *mut c_void,
    report: *mut aof_report,
    failure: *mut aof_failure,
) -> aof_error {
    // SAFETY: as the caller owes.
    let (device, buffer, options, findings, report, failure) = unsafe {
        (
            value(device).and_then(|device| Device::reading(device)),
            Buffer::new(buffer, buffer_size),
            value_or_default(options),
            Findings::new(finding, context),
            Out::required(report),
            Out::optional(failure),
        )
    };
    call(failure, || {
        let (device, buffer, options, report) = (device?, buffer?, options?, report?);
        // SAFETY: as the caller owes.
        #[allow(unsafe_code, reason = "memory of C")]
        let history = unsafe { links(options.history, options.history_count)? };
        let mut survey = Survey::new(findings, history);
        let result = survey.read(device, buffer, &options);
        report.set(survey.report);
        result.map(|()| aof_error::AOF_OK)
    })
}

/// What stands at a reader's position.
enum Step {
    Entry,
    Damage(Damage),
    End,
}

/// A verification under way.
struct Survey<'a> {
    report: aof_report,
    findings: Findings,
    chain: Chain<Links<'a>>,
}

impl<'a> Survey<'a> {
    fn new(findings: Findings, history: &'a mut [aof_link]) -> Self {
        let mut history = Links(history);
        history.clear();
        Self { report: aof_report::default(), findings, chain: Chain::new(history) }
    }

    fn read(&mut self, device: Device, buffer: Buffer, options: &aof_options) -> Result<(), aof_failure> {
        // Breaks of the chain are told by the chain here, which knows more than the reader's.
        let options = aof_options { chain_check: 0, ..*options };
        let mut reader = reader::open(device, buffer, &options)?;
        self.report.bytes = reader.end();
        self.report.profile = profile::number(reader.profile());
        loop {
            match self.step(&mut reader)? {
                Step::Entry => {}
                Step::Damage(damage) => {
                    let until = reader.skip()?;
                    self.damage(&damage, until)?;
                }
                Step::End => break,
            }
        }
        self.report.sound = u32::from(self.report.damages == 0 && self.report.forks == 0);
        Ok(())
    }

    /// Reads an entry. By itself, so that the header (264 bytes) is off the stack when damage is searched behind.
    #[inline(never)]
    fn step(&mut self, reader: &mut LogReader) -> Result<Step, aof_failure> {
        match &reader.next_streamed(|_piece| {}) {
            Ok(Some(located)) => self.entry(located).map(|()| Step::Entry),
            Ok(None) => Ok(Step::End),
            Err(ReadError::Damage(damage)) => Ok(Step::Damage(*damage)),
            Err(error) => Err((*error).into()),
        }
    }

    fn entry(&mut self, located: &LocatedHeader) -> Result<(), aof_failure> {
        let (header, report) = (&located.header, &mut self.report);
        let op = header.op().0;
        if report.entries == 0 {
            report.first_checksum = header.checksum.to_bytes();
            report.cluster = header.cluster.to_bytes();
            (report.first_op, report.last_op) = (op, op);
        }
        report.entries = report.entries.saturating_add(1);
        report.last_checksum = header.checksum.to_bytes();
        report.first_op = report.first_op.min(op);
        report.last_op = report.last_op.max(op);
        let related = self.chain.push(ChainLink::from(header));
        let mut finding = aof_finding { offset: located.offset, op, ..aof_finding::default() };
        finding.kind = relation(related);
        if let Relation::Gap { first, last } = related {
            (finding.missing_first, finding.missing_last) = (first.0, last.0);
        }
        if header.cluster.to_bytes() != report.cluster {
            finding.kind = AOF_FINDING_FORK;
        }
        let count = match finding.kind {
            AOF_FINDING_BACKTRACK => &mut report.backtracks,
            AOF_FINDING_GAP => &mut report.gaps,
            AOF_FINDING_FORK => &mut report.forks,
            _ => return Ok(()),
        };
        *count = count.saturating_add(1);
        self.findings.give(&finding)
    }

    /// Notes damage, behind which reading goes on at `until`.
    fn damage(&mut self, damage: &Damage, until: u64) -> Result<(), aof_failure> {
        let report = &mut self.report;
        let size = until.saturating_sub(damage.offset);
        report.damages = report.damages.saturating_add(1);
        report.damaged_bytes = report.damaged_bytes.saturating_add(size);
        let kind = match damage.kind {
            // An entry that was begun and not finished. A tail has nothing behind it.
            DamageKind::TornTail { .. } if until < report.bytes => AOF_FINDING_BODY_CHECKSUM,
            kind => finding(kind),
        };
        self.findings.give(&aof_finding {
            offset: damage.offset,
            op: damage.op.map_or(0, |op| op.0),
            size,
            kind,
            rule: rule_of(damage.kind),
            ..aof_finding::default()
        })
    }
}

/// The last ops seen, in the caller's memory: each in the slot that its number gives.
struct Links<'a>(&'a mut [aof_link]);

impl Links<'_> {
    fn slot(&self, op: Op) -> Option<usize> {
        // By the low bits, since a 32-bit CPU has no 64-bit division: the ops next to each other, which are
        // what matters, have slots next to each other.
        #[allow(clippy::cast_possible_truncation, reason = "the low bits are what is wanted")]
        (op.0 as usize).checked_rem(self.0.len())
    }
}

impl History for Links<'_> {
    fn get(&self, op: Op) -> Option<ChainLink> {
        let link = self.0.get(self.slot(op)?).filter(|link| link.op == op.0 && link.op > 0)?;
        let (checksum, parent) = (Checksum::from_bytes(link.checksum), Checksum::from_bytes(link.parent));
        Some(ChainLink { op, checksum, parent })
    }

    fn insert(&mut self, link: ChainLink) {
        if self.get(link.op).is_none()
            && let Some(slot) = self.slot(link.op).and_then(|slot| self.0.get_mut(slot))
        {
            *slot = (&link).into();
        }
    }

    fn clear(&mut self) {
        self.0.fill(aof_link::default());
    }
}

impl From<&ChainLink> for aof_link {
    fn from(link: &ChainLink) -> Self {
        Self { op: link.op.0, checksum: link.checksum.to_bytes(), parent: link.parent.to_bytes() }
    }
}
