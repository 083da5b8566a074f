//! One file that grows, and may become shorter.
//!
//! ```text
//!   |e1|e2|e3|e4|####        P: behind the last entry told (or the last damage)
//!               P   end
//! ```
//!
//! Each look reads from P with the length that the file has then. What stands at P is not whole:
//!
//! | behind P | then |
//! |---|---|
//! | zeros, to the end | wait: they are kept ahead of the log, or are what a crash left |
//! | no entry starts there | wait: it is on its way, or will be cut |
//! | one starts inside the extent that P's whole header tells | it is in the body, which is still being written: wait until the file has the extent, and the head behind it. Unless it is whole and names the last entry as its parent: then the writer has crashed at P and gone on |
//! | one starts, and P's header tells nothing | the same, but wait for a second at most, or until the file is longer by one entry of the size limit: no later byte changes the answer |
//!
//! Before each look the last entry told is looked at. Where it does not stand any more, the file was cut or
//! written anew: reading goes on behind the last one told that still stands. Where none of those remembered does,
//! the file's first bytes tell: the same as before, it was cut, and reading goes on at its end; else it was
//! emptied, and is read from its beginning. So no entry is told twice for a cut, and none is left out for a file
//! that was emptied and filled again. (What is written behind so deep a cut before anybody looks is passed over.)

use super::{News, SETTLE, Step, Wait, begin};
use crate::fs::{FileHandle, FileId};
use crate::scan::in_the_middle;
use crate::source::{READ_AHEAD, Source, into_io};
use crate::zeros::End;
use aof_nostd::chain::ChainLink;
use aof_nostd::wire::{HEAD_SIZE, MAGIC_SIZE};
use aof_nostd::{AnyProfile, Damage, DamageKind, ForeignMagic, Located, Profile, ReadError, Reader};
use embedded_io_adapters::std::FromStd;
use std::collections::VecDeque;
use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Instant;

/// A reader of the file as it is now, in a buffer that outlives it.
pub(super) type Now<'a> = Reader<FromStd<Source>, &'a mut [u8], AnyProfile>;

/// Entries told that are remembered, to find one that still stands in a file that became shorter.
const TOLD_MAX: usize = 1024;

/// A file that is followed.
#[derive(Debug)]
pub(super) struct Growing {
    handle: Arc<dyn FileHandle>,
    id: FileId,
    position: u64,
    /// Known from the first entry on.
    profile: Option<AnyProfile>,
    /// The entries told last, in the order of the file.
    told: VecDeque<Told>,
    /// How the file began when the first entry was passed: that one's magic and checksum.
    head: Option<[u8; MAGIC_SIZE + 16]>,
    unfinished: Option<Unfinished>,
    /// Nothing that is an entry of either profile stood before this: a file that is no log is not searched
    /// again for each byte.
    no_log_before: u64,
}

/// Where an entry stands that was told.
#[derive(Clone, Copy, Debug)]
pub(super) struct Told {
    pub(super) offset: u64,
    pub(super) end: u64,
    pub(super) link: ChainLink,
}

impl Told {
    pub(super) fn new(located: &Located<'_>) -> Self {
        let header = &located.entry.header;
        Self {
            offset: located.offset,
            end: located.offset.saturating_add(header.size_disk()),
            link: header.into(),
        }
    }
}

/// What stands at the position and is not whole.
#[derive(Clone, Copy, Debug)]
struct Unfinished {
    damage: Damage,
    since: Instant,
    /// No entry starts between the position and here.
    searched: u64,
}

impl Growing {
    pub(super) fn new(handle: Arc<dyn FileHandle>) -> io::Result<Self> {
        Ok(Self {
            id: handle.identity()?,
            handle,
            position: 0,
            profile: None,
            told: VecDeque::new(),
            head: None,
            unfinished: None,
            no_log_before: 0,
        })
    }

    pub(super) fn id(&self) -> FileId {
        self.id
    }

    pub(super) fn handle(&self) -> &Arc<dyn FileHandle> {
        &self.handle
    }

    pub(super) fn position(&self) -> u64 {
        self.position
    }

    pub(super) fn size(&self) -> io::Result<u64> {
        self.handle.size()
    }

    /// Goes to where the last `count` entries begin.
    pub(super) fn begin_before_end(
        &mut self,
        buffer: &mut [u8],
        step: &mut Step<'_>,
        count: u64,
    ) -> io::Result<()> {
        self.head = self.begins()?;
        let Some(mut reader) = self.reader(buffer, step.message_size_max)? else { return Ok(()) };
        let begin = begin::last_entries(&mut reader, count)?;
        if let Some(before) = begin.before {
            step.chain.push(before.link);
            self.passed(before, *reader.profile());
        }
        self.position = begin.position;
        Ok(())
    }

    /// Reads all that is whole, and decides about what is not.
    pub(super) fn read(&mut self, buffer: &mut [u8], step: &mut Step<'_>) -> io::Result<Wait> {
        match self.look(buffer, step) {
            // It became shorter between two calls. The next look finds that.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Ok(Wait::More { unfinished: None, until: Some(step.now + SETTLE) })
            }
            result => result,
        }
    }

    fn look(&mut self, buffer: &mut [u8], step: &mut Step<'_>) -> io::Result<Wait> {
        if let Some(news) = self.go_back(buffer, step)?
            && step.tell(news).is_break()
        {
            return Ok(Wait::Stopped);
        }
        if self.told.is_empty() {
            self.head = self.begins()?;
        }
        let Some(mut reader) = self.reader(buffer, step.message_size_max)? else {
            return Ok(Wait::More { unfinished: None, until: None });
        };
        reader.set_position(self.position);
        self.entries(&mut reader, step)
    }

    /// Tells entries, and damage that is decided, up to what there is to wait for.
    fn entries(&mut self, reader: &mut Now<'_>, step: &mut Step<'_>) -> io::Result<Wait> {
        loop {
            let damage = match reader.next() {
                Ok(Some(located)) => {
                    let told = Told::new(&located);
                    let flow = step.entry(located);
                    self.passed(told, *reader.profile());
                    if flow.is_break() {
                        return Ok(Wait::Stopped);
                    }
                    continue;
                }
                Ok(None) => {
                    self.unfinished = None;
                    return Ok(Wait::More { unfinished: None, until: None });
                }
                Err(ReadError::Damage(damage)) => damage,
                Err(error) => return Err(into_io(error)),
            };
            if self.is_free_space(damage)? {
                self.unfinished = Some(Unfinished { damage, since: step.now, searched: 0 });
                return Ok(Wait::More { unfinished: None, until: None });
            }
            let (next, until) = self.decide(reader, step, damage)?;
            let Some(next) = next else {
                return Ok(Wait::More { unfinished: Some(damage), until });
            };
            let flow = step.damage(in_the_middle(damage), next);
            self.position = next;
            self.unfinished = None;
            reader.set_position(next);
            if flow.is_break() {
                return Ok(Wait::Stopped);
            }
        }
    }

    /// Whether nothing but zeros stands behind the last entry: a writer keeps them ahead.
    fn is_free_space(&self, damage: Damage) -> io::Result<bool> {
        let mut begun = [0; MAGIC_SIZE];
        let size = self.handle.read_full_at(&mut begun, damage.offset)?;
        if size == 0 || begun.iter().any(|byte| *byte != 0) {
            return Ok(false);
        }
        Ok(Source::new(self.handle.clone())?.zeros_begin()? <= damage.offset)
    }

    fn passed(&mut self, told: Told, profile: AnyProfile) {
        self.profile = Some(profile);
        self.position = told.end;
        self.unfinished = None;
        if self.told.len() == TOLD_MAX {
            self.told.pop_front();
        }
        self.told.push_back(told);
    }

    /// Whether what stands at the position is damage by now: where reading goes on behind it. If not, when to
    /// look again. See the module's table.
    fn decide(
        &mut self,
        reader: &mut Now<'_>,
        step: &Step<'_>,
        damage: Damage,
    ) -> io::Result<(Option<u64>, Option<Instant>)> {
        let end = reader.end();
        let known = self.unfinished.filter(|unfinished| unfinished.damage.offset == damage.offset);
        let mut unfinished = known.unwrap_or(Unfinished { damage, since: step.now, searched: 0 });
        unfinished.damage = damage;
        let extent = extent(reader, damage)?;
        let reach = damage.offset.saturating_add(MAGIC_SIZE as u64 + u64::from(reader.message_size_max()));
        let decided_at = extent.unwrap_or(reach).saturating_add(HEAD_SIZE as u64);
        let found = if unfinished.searched > decided_at && unfinished.searched <= end {
            reader.search(unfinished.searched, end)
        } else {
            reader.set_position(damage.offset);
            reader.skip().map(|next| (next < end).then_some(next))
        };
        let found = found.map_err(into_io)?;
        let Some(next) = found else {
            unfinished.searched = end.saturating_sub(HEAD_SIZE as u64 - 1);
            self.unfinished = Some(unfinished);
            return Ok((None, None));
        };
        self.unfinished = Some(unfinished);
        let settled = unfinished.since + SETTLE;
        if end >= decided_at
            || (extent.is_none() && step.now >= settled)
            || self.goes_on(reader, step, next)?
        {
            return Ok((Some(next), None));
        }
        Ok((None, extent.is_none().then_some(settled)))
    }

    /// Whether the entry at `next` is whole and names the last one told as its parent.
    fn goes_on(&self, reader: &mut Now<'_>, step: &Step<'_>, next: u64) -> io::Result<bool> {
        let Some(last) = step.chain.last() else { return Ok(false) };
        reader.set_position(next);
        match reader.next() {
            Ok(Some(located)) => Ok(located.entry.header.parent == last.checksum),
            Ok(None) | Err(ReadError::Damage(_)) => Ok(false),
            Err(error) => Err(into_io(error)),
        }
    }

    /// The file is given up for another: what is not whole will never be. It is told as a scan tells it.
    pub(super) fn finish(&mut self, buffer: &mut [u8], step: &mut Step<'_>) -> io::Result<ControlFlow<()>> {
        let Some(Unfinished { damage, .. }) = self.unfinished.take() else {
            return Ok(ControlFlow::Continue(()));
        };
        let zeros = Source::new(self.handle.clone())?.zeros_begin()?;
        let Some(mut reader) = self.reader(buffer, step.message_size_max)? else {
            return Ok(ControlFlow::Continue(()));
        };
        let size = reader.end();
        let head_end = damage.offset.saturating_add(HEAD_SIZE as u64);
        let reach = match damage.kind {
            DamageKind::HeaderChecksum => Some(head_end),
            DamageKind::Magic(ForeignMagic::Unknown) => {
                let mut begun =
                    vec![
                        0;
                        usize::try_from(zeros.saturating_sub(damage.offset)).unwrap_or(0).min(MAGIC_SIZE)
                    ];
                self.handle.read_full_at(&mut begun, damage.offset)?;
                let is_begun = !begun.is_empty() && reader.profile().magic().starts_with(&begun);
                is_begun.then_some(head_end)
            }
            _ => extent(&mut reader, damage)?,
        };
        let end = End::of(damage, reach, zeros, size);
        if let Some((damage, until)) = end.damage
            && step.damage(damage, until).is_break()
        {
            return Ok(ControlFlow::Break(()));
        }
        Ok(end.zeros.map_or(ControlFlow::Continue(()), |from| step.tell(News::Zeros(from, size))))
    }

    /// Goes back behind the last entry told that still stands, if the last of all does not.
    fn go_back(&mut self, buffer: &mut [u8], step: &mut Step<'_>) -> io::Result<Option<News<'static>>> {
        let size = self.size()?;
        let stands = match self.told.back() {
            Some(last) => self.stands(last, size)?,
            None => size >= self.position,
        };
        if stands {
            return Ok(None);
        }
        let from = self.position;
        while let Some(last) = self.told.back().copied() {
            if self.stands(&last, size)? {
                break;
            }
            self.told.pop_back();
        }
        self.unfinished = None;
        match self.told.back() {
            Some(last) => {
                self.position = last.end;
                step.chain.push(last.link);
            }
            // Cut before all that is remembered: what is left was told, or was not asked for.
            None if self.head.is_some() && self.begins()? == self.head => {
                self.position = 0;
                self.begin_before_end(buffer, step, 0)?;
            }
            // Emptied, and filled again: as after a rotation. The chain may go on.
            None => (self.position, self.profile, self.no_log_before) = (0, None, 0),
        }
        Ok(Some(News::Shortened { from, to: self.position }))
    }

    /// The file's first bytes, if there are enough of them.
    fn begins(&self) -> io::Result<Option<[u8; MAGIC_SIZE + 16]>> {
        let mut head = [0; MAGIC_SIZE + 16];
        let is_whole = self.handle.read_full_at(&mut head, 0)? == head.len();
        Ok(is_whole.then_some(head))
    }

    /// Whether the entry's magic and checksum are where they were, and the file still has its end.
    fn stands(&self, told: &Told, size: u64) -> io::Result<bool> {
        let Some(profile) = self.profile else { return Ok(size >= told.end) };
        if size < told.end {
            return Ok(false);
        }
        let mut head = [0; MAGIC_SIZE + 16];
        if self.handle.read_full_at(&mut head, told.offset)? < head.len() {
            return Ok(false);
        }
        let (magic, checksum) = head.split_at(MAGIC_SIZE);
        Ok(magic == profile.magic() && checksum == told.link.checksum.to_bytes())
    }

    /// A reader of the file as it is now; `None` while nothing tells the profile.
    fn reader<'a>(&mut self, buffer: &'a mut [u8], message_size_max: u32) -> io::Result<Option<Now<'a>>> {
        let source = Source::new(self.handle.clone())?;
        let profile = match self.profile {
            Some(profile) => Some(profile),
            None => self.detect(&source)?,
        };
        let Some(profile) = profile else { return Ok(None) };
        let reader = Reader::new(FromStd::new(source), buffer, profile).map_err(into_io)?;
        Ok(Some(reader.with_message_size_max(message_size_max).with_read_ahead(READ_AHEAD)))
    }

    /// The profile that the log has, else any: what is there is unfinished then. `None` for an empty file.
    fn detect(&mut self, source: &Source) -> io::Result<Option<AnyProfile>> {
        let backend = crate::backend();
        if source.size() == 0 {
            return Ok(None);
        }
        let profile = crate::source::detect(source, backend, self.no_log_before)?;
        if profile.is_none() {
            self.no_log_before = source.size().saturating_sub(HEAD_SIZE as u64 - 1);
        }
        Ok(Some(profile.unwrap_or_else(|| aof_nostd::TigerBeetle::new(backend).into())))
    }
}

/// Where the entry ends that is damaged, as its header tells, where that can be trusted.
fn extent(reader: &mut Now<'_>, damage: Damage) -> io::Result<Option<u64>> {
    match damage.kind {
        DamageKind::TornTail { missing } if damage.op.is_some() => {
            Ok(Some(reader.end().saturating_add(missing)))
        }
        DamageKind::BodyChecksum => {
            reader.set_position(damage.offset);
            let head = reader.next_header().map_err(into_io)?;
            Ok(head.map(|head| head.offset.saturating_add(head.header.size_disk())))
        }
        _ => Ok(None),
    }
}
