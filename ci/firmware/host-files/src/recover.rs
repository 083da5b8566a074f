//! Recovers a log before entries are appended to it: what is behind the last whole entry is cut off.
//!
//! ```text
//! | entry | entry | entry | entr          a torn tail: the power went within an append
//!                         ^ cut here, go on with the op after the last
//! ```
//!
//! Cut is only a torn entry that reaches to the log's end, which no checkpoint can have covered. Damage with
//! an entry behind it, or a break of the chain, is not what a power cut leaves: then nothing is changed.

use aof_firmware_kit::{Failure, HostFile, cut, log};
use aof_nostd::{AnyProfile, DamageKind, Header, Op, ReadError, Reader};
use embedded_io::{Seek, SeekFrom};

/// A log that can be appended to.
#[derive(Debug)]
pub struct Recovered {
    /// The file, at its end.
    pub file: HostFile,
    /// The header of the last entry, if there is one.
    pub last: Option<Header>,
}

impl Recovered {
    /// The last op; 0 if there is none.
    #[must_use]
    pub fn last_op(&self) -> Op {
        self.last.map_or(Op(0), |header| header.op())
    }
}

/// Verifies the log of `profile` at `path`, and cuts its torn tail off.
///
/// # Errors
///
/// [`Failure::NotRecovered`], or what the file says.
#[inline(never)] // what it has on the stack is given back
pub fn recover(path: &str, profile: AnyProfile) -> Result<Recovered, Failure> {
    let mut buffer = [0; 1024];
    let mut reader = Reader::new(HostFile::open(path)?, &mut buffer, profile)?.with_chain_check(true);
    let mut last = None;
    let (kept, size) = loop {
        match reader.next_streamed(|_piece| {}) {
            Ok(Some(located)) => last = Some(located.header),
            Ok(None) => break (reader.position(), reader.end()),
            Err(ReadError::Damage(damage)) => {
                let until = reader.skip()?;
                let is_torn = matches!(damage.kind, DamageKind::TornTail { .. });
                if !is_torn || until < reader.end() {
                    log::damage(&damage, until);
                    return Err(Failure::NotRecovered(ReadError::Damage(damage)));
                }
                break (damage.offset, reader.end());
            }
            Err(error @ ReadError::Chain(_)) => return Err(Failure::NotRecovered(error)),
            Err(error) => return Err(error.into()),
        }
    };
    drop(reader);
    if kept < size {
        cut(path, kept)?;
    }
    let mut file = HostFile::update(path)?;
    file.seek(SeekFrom::End(0)).map_err(ReadError::Device)?;
    let recovered = Recovered { file, last };
    log::recovered(recovered.last_op(), kept, size - kept);
    Ok(recovered)
}
