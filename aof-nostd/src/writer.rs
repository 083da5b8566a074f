//! Appending to a log: [`Writer`] over `embedded_io::Write` and [`Sync`].
//!
//! ```text
//!              append            begin_checkpoint                 append
//!            +-------+          +----------------+              +-------+
//!            v       |          |                v              v       |
//!          Writing --+----------+            Checkpointing -----+-------+
//!            ^                                   |
//!            +-------- end_checkpoint(Ok) -------+
//!
//!          any device error, end_checkpoint(Err)  ---->  Failed, for good
//! ```
//!
//! An entry goes to the device's cache when it is appended and is durable after the next checkpoint that
//! began after it. Until then it is somebody else's to keep: a replica's journal, which holds 1,024
//! prepares. So at most that many entries may be unsynced, and one more is refused.
//!
//! The first error of the device is for good: half an entry may be on it, or pages that a failed sync
//! dropped. The log has to be reopened and its tail looked at; after a failed *sync* not before a restart,
//! since until then a read may give what is lost ([`Sync`]). A write or a flush that was only interrupted is
//! called again.
//!
//! # Over `embedded_io_async`
//!
//! With the feature `async` what writes or syncs is there once more, with `_async` behind its name. **A future
//! of these that is dropped while it waits for the device fails the writer for good**, as an error of the device
//! does: nobody knows how much of the entry is on it, or whether the sync was done. One that was never polled
//! has done nothing. So do not put them into a `select` with a timeout: let them end, in a task of their own
//! if need be, and wait for that.

#[cfg(feature = "async")]
mod asynch;
mod draft;
mod error;

#[cfg(feature = "async")]
pub(crate) use self::asynch::write_all_async;
pub use self::draft::Draft;
pub(crate) use self::draft::Next;
pub use self::error::WriteError;

use crate::chain::ChainLink;
use crate::check::{Checked, Checker};
use crate::checksum::{AnyProfile, Profile};
use crate::storage::{Sync, uninterrupted};
use crate::wire::{Entry, EntryHead, HEAD_SIZE, Header, HeaderRule, MAGIC_SIZE};
use embedded_io::Write;
use zerocopy::{FromZeros, IntoBytes};

/// Entries that may be unsynced at once, unless set: the slots of a default journal.
pub const UNSYNCED_MAX_DEFAULT: u32 = 1024;

/// What a [`Writer`] is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum State {
    /// Entries may be appended.
    Writing,
    /// A checkpoint is under way. Entries may be appended, which it does not cover.
    Checkpointing {
        /// Unsynced entries that the checkpoint covers.
        covered: u32,
    },
    /// The device failed: nothing more is written.
    Failed,
}

/// Appends entries to a device that stands at the log's end. See the [module](self).
///
/// ```
/// use aof_nostd::{Crc, Draft, Entries, Writer, storage::Cursor};
/// let mut writer = Writer::new(Cursor::new([0; 1024]), Crc);
/// writer.append_new(&Draft::default(), b"first")?;
/// writer.append_new(&Draft::default(), b"second")?;
/// writer.checkpoint(|| { /* both are durable */ })?;
///
/// let size = usize::try_from(writer.size()).unwrap();
/// let log = writer.into_device().into_inner();
/// let ops: Vec<u64> = Entries::new(&log[..size], Crc).map(|e| e.unwrap().entry.header.op().0).collect();
/// assert_eq!(ops, [1, 2]);
/// # Ok::<(), aof_nostd::WriteError<aof_nostd::storage::CursorError>>(())
/// ```
#[derive(Debug)]
pub struct Writer<D, P = AnyProfile> {
    device: D,
    checker: Checker<P>,
    state: State,
    unsynced: u32,
    unsynced_max: u32,
    next: Next,
    size: u64,
}

impl<D, P: Profile> Writer<D, P> {
    /// Appends to `device`, which stands at the end of a log of `profile`.
    ///
    /// The first entry sealed will have op 1 in cluster 0, view 0, release 0.0.0, unless
    /// [`continue_after`](Self::continue_after) or [`start_with`](Self::start_with) say otherwise.
    pub fn new(device: D, profile: P) -> Self {
        Self {
            device,
            checker: Checker::new(profile),
            state: State::Writing,
            unsynced: 0,
            unsynced_max: UNSYNCED_MAX_DEFAULT,
            next: Next::new(),
            size: 0,
        }
    }

    /// Sets how many entries may be unsynced, 1 at least; 1,024 unless set.
    #[must_use]
    pub fn with_unsynced_max(mut self, unsynced_max: u32) -> Self {
        // With 0 no entry could ever be appended, and "checkpoint first" would be no help.
        self.unsynced_max = unsynced_max.max(1);
        self
    }

    /// Sets the largest `size` of an entry (header and body, bytes); 1 MiB unless set.
    #[must_use]
    pub fn with_message_size_max(mut self, message_size_max: u32) -> Self {
        self.checker = self.checker.with_message_size_max(message_size_max);
        self
    }

    /// Makes the next sealed entry continue `last`: the log's last entry, or the cluster's.
    #[must_use]
    pub fn continue_after(mut self, last: Header) -> Self {
        self.next.continue_after(&last);
        self
    }

    /// Gives the header of the first entry that is sealed where there is none to continue: its op,
    /// parent, cluster, view, release and replica.
    #[must_use]
    pub fn start_with(mut self, first: Header) -> Self {
        self.next.start_with(&first);
        self
    }

    /// What the writer is doing.
    pub const fn state(&self) -> State {
        self.state
    }

    /// Entries appended since the last checkpoint began.
    pub const fn unsynced(&self) -> u32 {
        self.unsynced
    }

    /// The header of the last entry.
    pub const fn last(&self) -> Option<&Header> {
        self.next.last()
    }

    /// Bytes appended by this writer, whole entries only.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The device.
    pub const fn device(&self) -> &D {
        &self.device
    }

    /// The device. What is written to it behind the writer's back is not part of the log.
    pub const fn device_mut(&mut self) -> &mut D {
        &mut self.device
    }

    /// The device back; unsynced entries are still unsynced.
    pub fn into_device(self) -> D {
        self.device
    }

    /// Begins a checkpoint that somebody else carries out: sync the device, then call
    /// [`end_checkpoint`](Self::end_checkpoint). Where waiting is no harm, take
    /// [`checkpoint`](Self::checkpoint).
    ///
    /// # Errors
    ///
    /// [`WriteError::Checkpointing`] or [`WriteError::Failed`].
    pub fn begin_checkpoint<E>(&mut self) -> Result<(), WriteError<E>> {
        match self.state {
            State::Writing => {
                self.state = State::Checkpointing { covered: self.unsynced };
                Ok(())
            }
            State::Checkpointing { .. } => Err(WriteError::Checkpointing),
            State::Failed => Err(WriteError::Failed),
        }
    }

    /// Ends the checkpoint: everything appended before it began is durable, or, with `synced` false,
    /// nothing is known and the writer is failed for good.
    ///
    /// # Errors
    ///
    /// [`WriteError::NotCheckpointing`] or [`WriteError::Failed`].
    pub fn end_checkpoint<E>(&mut self, synced: bool) -> Result<(), WriteError<E>> {
        match self.state {
            State::Checkpointing { covered } if synced => {
                self.unsynced = self.unsynced.saturating_sub(covered);
                self.state = State::Writing;
                Ok(())
            }
            State::Checkpointing { .. } | State::Failed => {
                self.state = State::Failed;
                Err(WriteError::Failed)
            }
            State::Writing => Err(WriteError::NotCheckpointing),
        }
    }

    fn ready<E>(&self) -> Result<(), WriteError<E>> {
        match self.state {
            State::Failed => Err(WriteError::Failed),
            _ if self.unsynced >= self.unsynced_max => Err(WriteError::Unsynced { max: self.unsynced_max }),
            _ => Ok(()),
        }
    }

    /// Looks at an entry before it is written.
    fn verify<E>(&self, bytes: &[u8]) -> Result<(), WriteError<E>> {
        self.ready()?;
        match self.checker.entry(bytes, bytes.len() as u64) {
            Checked::Whole(entry) if entry.as_bytes().len() == bytes.len() => Ok(()),
            Checked::Fault(fault) => Err(WriteError::Invalid(fault)),
            // The header tells a smaller body than the view has.
            _ => Err(WriteError::Header(HeaderRule::Size)),
        }
    }

    /// Makes the head of a prepare's entry, and looks at it before it is written.
    fn verify_parts<E>(&self, header: &Header, body: &[u8]) -> Result<EntryHead, WriteError<E>> {
        self.ready()?;
        let head = EntryHead { magic: self.checker.profile().magic(), header: *header };
        let size = HEAD_SIZE.saturating_add(body.len()) as u64;
        if let Checked::Fault(fault) = self.checker.head(head.as_bytes(), size) {
            return Err(WriteError::Invalid(fault));
        }
        let mut check = self.checker.body(&head.header);
        if check.absorb(body).len() < body.len() {
            return Err(WriteError::Header(HeaderRule::Size)); // the header tells a smaller body
        }
        check.finish_in_place().map_err(WriteError::Invalid)?;
        Ok(head)
    }

    /// Seals the entry that continues the last one.
    fn seal<E>(&self, draft: &Draft, body: &[u8], head: &mut EntryHead) -> Result<(), WriteError<E>> {
        self.ready()?;
        draft.seal(&self.checker, &self.next, body, head).map_err(WriteError::Header)
    }

    /// Makes the writer failed until the device has done what it is asked for now, and [`State`] is set back:
    /// then an error, and a future that is dropped, leave it failed for good.
    fn hold(&mut self) -> State {
        core::mem::replace(&mut self.state, State::Failed)
    }

    fn appended(&mut self, header: &Header) {
        self.unsynced = self.unsynced.saturating_add(1);
        self.size = self.size.saturating_add(header.size_disk());
        self.next.continue_after(header);
    }
}

impl<D: Write, P: Profile> Writer<D, P> {
    /// Appends a sealed entry as it is, after verifying it. Its place in the chain is not looked at: a
    /// replica may go back.
    ///
    /// # Errors
    ///
    /// See [`WriteError`]. Unless `Ok`, the entry is not in the log.
    pub fn append(&mut self, entry: &Entry) -> Result<(), WriteError<D::Error>> {
        self.verify(entry.as_bytes())?;
        self.write(&[entry.as_bytes()])?;
        self.appended(&entry.header);
        Ok(())
    }

    /// Appends a sealed prepare (header and body, as the protocol carries it) as it is, after verifying
    /// it.
    ///
    /// # Errors
    ///
    /// See [`WriteError`]. Unless `Ok`, the entry is not in the log.
    pub fn append_prepare(&mut self, header: &Header, body: &[u8]) -> Result<(), WriteError<D::Error>> {
        let head = self.verify_parts(header, body)?;
        self.write(&[head.as_bytes(), body])?;
        self.appended(header);
        Ok(())
    }

    /// Seals an entry that continues the last one, and appends it. Gives its place in the chain.
    ///
    /// # Errors
    ///
    /// See [`WriteError`]. Unless `Ok`, the entry is not in the log.
    pub fn append_new(&mut self, draft: &Draft, body: &[u8]) -> Result<ChainLink, WriteError<D::Error>> {
        let mut head = EntryHead::new_zeroed();
        self.seal(draft, body, &mut head)?;
        self.write(&[head.as_bytes(), body])?;
        self.appended(&head.header);
        Ok(ChainLink::from(&head.header))
    }

    /// Writes all parts, or fails for good.
    fn write(&mut self, parts: &[&[u8]]) -> Result<(), WriteError<D::Error>> {
        let state = self.hold();
        for part in parts {
            write_all(&mut self.device, part)?;
        }
        uninterrupted(|| self.device.flush()).map_err(WriteError::Device)?;
        self.state = state;
        Ok(())
    }
}

/// Writes all of `bytes`.
pub(crate) fn write_all<D: Write>(device: &mut D, bytes: &[u8]) -> Result<(), WriteError<D::Error>> {
    let mut rest = bytes;
    while !rest.is_empty() {
        match uninterrupted(|| device.write(rest)).map_err(WriteError::Device)? {
            0 => return Err(WriteError::Full),
            written => rest = rest.get(written..).ok_or(WriteError::Count)?,
        }
    }
    Ok(())
}

impl<D: Write + Sync, P: Profile> Writer<D, P> {
    /// Makes everything appended durable, then calls `done`.
    ///
    /// # Errors
    ///
    /// [`WriteError::Device`]: the sync failed, or was interrupted, which comes to the same ([`Sync`]). `done`
    /// is not called, and the writer is failed for good.
    pub fn checkpoint(&mut self, done: impl FnOnce()) -> Result<(), WriteError<D::Error>> {
        self.begin_checkpoint()?;
        let state = self.hold();
        self.device.sync().map_err(WriteError::Device)?;
        self.state = state;
        self.end_checkpoint(true)?;
        done();
        Ok(())
    }
}

const _: () = assert!(MAGIC_SIZE + size_of::<Header>() == HEAD_SIZE);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checksum::Crc;
    use crate::slice::Entries;
    use crate::storage::Cursor;
    use embedded_io::{ErrorKind, ErrorType};

    /// Takes `room` bytes, a few at a time; syncs as long as `sync` is true.
    struct Device {
        bytes: heapless::Vec<u8, 4096>,
        room: usize,
        sync: bool,
        interrupts: u32,
    }

    impl ErrorType for Device {
        type Error = ErrorKind;
    }

    impl Write for Device {
        fn write(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
            if self.interrupts > 0 {
                self.interrupts -= 1;
                return Err(ErrorKind::Interrupted);
            }
            let size = bytes.len().min(7).min(self.room);
            if size == 0 {
                return Err(ErrorKind::Other);
            }
            self.room -= size;
            self.bytes.extend_from_slice(&bytes[..size]).unwrap();
            Ok(size)
        }

        fn flush(&mut self) -> Result<(), ErrorKind> {
            Ok(())
        }
    }

    impl Sync for Device {
        fn sync(&mut self) -> Result<(), ErrorKind> {
            if self.sync { Ok(()) } else { Err(ErrorKind::Other) }
        }
    }

    fn writer(room: usize) -> Writer<Device, Crc> {
        Writer::new(Device { bytes: heapless::Vec::new(), room, sync: true, interrupts: 3 }, Crc)
    }

    #[test]
    fn entries_continue_the_chain_through_short_writes_and_interrupts() {
        let mut writer = writer(4096);
        let first = writer.append_new(&Draft::default(), b"a").unwrap();
        let second = writer.append_new(&Draft { timestamp_ns: 5, ..Draft::default() }, b"").unwrap();
        assert_eq!((second.op.0, second.parent), (2, first.checksum));
        assert_eq!(writer.last().unwrap().commit.get(), 1);
        let bytes = writer.into_device().bytes;
        assert_eq!(Entries::new(&bytes, Crc).filter(Result::is_ok).count(), 2);
    }

    #[test]
    fn half_an_entry_fails_the_writer_for_good() {
        let mut writer = writer(300);
        writer.append_new(&Draft::default(), b"").unwrap();
        assert_eq!(writer.append_new(&Draft::default(), b""), Err(WriteError::Device(ErrorKind::Other)));
        writer.device_mut().room = 4096;
        assert_eq!(writer.append_new(&Draft::default(), b""), Err(WriteError::Failed));
        assert_eq!(writer.checkpoint(|| panic!("must not call back")), Err(WriteError::Failed));
        assert_eq!(writer.size(), 272);
    }

    #[test]
    fn failed_sync_fails_the_writer_for_good() {
        let mut writer = writer(4096);
        writer.append_new(&Draft::default(), b"").unwrap();
        writer.device_mut().sync = false;
        assert_eq!(
            writer.checkpoint(|| panic!("must not call back")),
            Err(WriteError::Device(ErrorKind::Other))
        );
        writer.device_mut().sync = true;
        assert_eq!(writer.checkpoint(|| panic!("a later success proves nothing")), Err(WriteError::Failed));
        assert_eq!(writer.state(), State::Failed);
    }

    #[test]
    fn unsynced_entries_are_bounded_and_a_checkpoint_covers_those_before_it() {
        let mut writer = writer(4096).with_unsynced_max(2);
        writer.append_new(&Draft::default(), b"").unwrap();
        writer.begin_checkpoint::<ErrorKind>().unwrap();
        writer.append_new(&Draft::default(), b"").unwrap();
        assert_eq!(writer.append_new(&Draft::default(), b""), Err(WriteError::Unsynced { max: 2 }));
        assert_eq!(writer.begin_checkpoint::<ErrorKind>(), Err(WriteError::Checkpointing));
        writer.end_checkpoint::<ErrorKind>(true).unwrap();
        assert_eq!(writer.unsynced(), 1, "the second entry came after the checkpoint began");
        let mut called = false;
        writer.checkpoint(|| called = true).unwrap();
        assert!(called);
        assert_eq!(writer.unsynced(), 0);
        assert_eq!(writer.end_checkpoint::<ErrorKind>(true), Err(WriteError::NotCheckpointing));
    }

    #[test]
    fn sealed_entries_are_appended_to_the_bit_and_damaged_ones_refused() {
        let mut bytes = [0; HEAD_SIZE + 9];
        let mut target = Writer::new(Cursor::new([0; 1024]), Crc);
        let sealed = Entry::seal(&Crc, Header::new(), &mut bytes).unwrap();
        target.append(sealed).unwrap();
        target.append_prepare(&sealed.header, &sealed.body).unwrap();
        assert!(matches!(target.append_prepare(&sealed.header, b"other bod"), Err(WriteError::Invalid(_))));
        assert!(matches!(target.append_prepare(&sealed.header, b"longer body"), Err(WriteError::Header(_))));
        assert_eq!(target.size(), 2 * 281);
        bytes[HEAD_SIZE] ^= 1;
        let damaged = Entry::from_prefix(&bytes).unwrap();
        assert!(matches!(target.append(damaged), Err(WriteError::Invalid(_))));
        assert_eq!(target.size(), 2 * 281);
        assert_eq!(target.state(), State::Writing, "nothing was written");
    }
}
