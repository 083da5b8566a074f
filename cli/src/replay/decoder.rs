//! From a stream of bytes to messages: [`Decoder`].
//!
//! The bytes come from the network and may be anything. A message's size is believed after its header was
//! checked, and never above [`MESSAGE_SIZE_MAX`]; so a connection holds at most that much, and
//! one more read. After an error nothing that follows can be found: the connection is to be closed.

use aof_nostd::TigerBeetle;
use aof_nostd::message::{Frame, FrameError, HEADER_SIZE, MESSAGE_SIZE_MAX};

/// Cuts a stream into messages, and believes none that its checksums do not support.
///
/// ```
/// use aof_cli::replay::decoder::Decoder;
/// use aof_nostd::message::{self, Message, PongClient};
/// use aof_nostd::{TigerBeetle, wire::Release};
/// let mut pong = PongClient::new(0, Release::new(0, 17, 8));
/// message::seal(&mut pong, &TigerBeetle::default(), b"")?;
///
/// let mut decoder = Decoder::new(TigerBeetle::default(), 0);
/// for byte in pong.header() {
///     assert_eq!(decoder.next()?, None);
///     decoder.space()[0] = byte;
///     decoder.filled(1);
/// }
/// let (header, body) = decoder.next()?.expect("it is whole now");
/// assert_eq!((PongClient::view(header), body), (&pong, &b""[..]));
/// # Ok::<(), message::FrameError>(())
/// ```
#[derive(Debug)]
pub struct Decoder {
    profile: TigerBeetle,
    cluster: u128,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// The size of the message at `start`, once its header was believed.
    size: Option<usize>,
}

/// A message: its header and its body.
pub type Received<'a> = (&'a [u8; HEADER_SIZE], &'a [u8]);

/// Free space that a read finds at least.
const READ_SIZE: usize = 64 << 10;

impl Decoder {
    /// A decoder at the beginning of a stream of one cluster's messages.
    #[must_use]
    pub const fn new(profile: TigerBeetle, cluster: u128) -> Self {
        Self { profile, cluster, buffer: Vec::new(), start: 0, end: 0, size: None }
    }

    /// Where the next bytes of the stream are to be put: at least enough for the message that has begun.
    pub fn space(&mut self) -> &mut [u8] {
        let message_size = self.size.unwrap_or(HEADER_SIZE);
        let wanted = message_size.saturating_sub(self.end - self.start).max(READ_SIZE);
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
        if self.buffer.len() - self.end < wanted {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
            let size = self.end + wanted;
            if self.buffer.len() < size {
                self.buffer.resize(size, 0);
            }
        }
        &mut self.buffer[self.end..]
    }

    /// Says that `count` bytes were put into [`space`](Self::space).
    pub fn filled(&mut self, count: usize) {
        self.end = self.end.saturating_add(count).min(self.buffer.len());
    }

    /// The next message whose bytes are all there: its header and its body.
    ///
    /// # Errors
    ///
    /// [`FrameError`]: the stream cannot be trusted any more.
    #[allow(clippy::should_implement_trait, reason = "it lends, which an iterator cannot")]
    pub fn next(&mut self) -> Result<Option<Received<'_>>, FrameError> {
        let Some(header) = self.buffer[self.start..self.end].first_chunk::<HEADER_SIZE>() else {
            return Ok(None);
        };
        let size = match self.size {
            Some(size) => size,
            None => {
                let frame = Frame::check(header, &self.profile, self.cluster, MESSAGE_SIZE_MAX)?;
                *self.size.insert(frame.size.get() as usize)
            }
        };
        if self.end - self.start < size {
            return Ok(None);
        }
        let message = &self.buffer[self.start..self.start + size];
        self.start += size;
        self.size = None;
        let Some((header, body)) = message.split_first_chunk::<HEADER_SIZE>() else { return Ok(None) };
        let frame = Frame::check(header, &self.profile, self.cluster, MESSAGE_SIZE_MAX)?;
        frame.check_body(&self.profile, body)?;
        Ok(Some((header, body)))
    }

    /// Whether a message has begun and is not whole.
    #[must_use]
    pub fn is_inside_message(&self) -> bool {
        self.start < self.end
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aof_nostd::message::{self, Message, Reply};
    use aof_nostd::wire::Release;

    fn reply(number: u32, body: &[u8]) -> Vec<u8> {
        let mut reply = Reply::new(7, Release::new(1, 0, 0), 1);
        reply.request = number.into();
        message::seal(&mut reply, &TigerBeetle::default(), body).unwrap();
        [&reply.header(), body].concat()
    }

    /// Feeds a stream in pieces of `piece` bytes and collects request numbers and body sizes.
    fn decode(stream: &[u8], piece: usize) -> Result<Vec<(u32, usize)>, FrameError> {
        let mut decoder = Decoder::new(TigerBeetle::default(), 7);
        let mut seen = Vec::new();
        for part in stream.chunks(piece) {
            let mut part = part;
            while !part.is_empty() {
                let space = decoder.space();
                let count = part.len().min(space.len());
                space[..count].copy_from_slice(&part[..count]);
                decoder.filled(count);
                part = &part[count..];
                while let Some((header, body)) = decoder.next()? {
                    seen.push((Reply::view(header).request.get(), body.len()));
                }
            }
        }
        let whole = seen.iter().map(|(_, size)| HEADER_SIZE + size).sum::<usize>();
        assert_eq!(decoder.is_inside_message(), whole < stream.len());
        assert!(decoder.buffer.len() <= MESSAGE_SIZE_MAX as usize + 2 * READ_SIZE);
        Ok(seen)
    }

    #[test]
    fn messages_come_whole_in_pieces_of_any_size() {
        let large = vec![9; message::BODY_SIZE_MAX as usize];
        let mut stream = Vec::new();
        for (number, body) in [(1, &b""[..]), (2, b"x"), (3, &large), (4, b"last")] {
            stream.extend(reply(number, body));
        }
        let expected = vec![(1, 0), (2, 1), (3, large.len()), (4, 4)];
        for piece in [255, 256, 257, 4096, 1 << 20, stream.len()] {
            assert_eq!(decode(&stream, piece).as_ref(), Ok(&expected), "{piece}");
        }
        assert_eq!(decode(&stream[..1000], 1), Ok(vec![(1, 0), (2, 1)]));
    }

    #[test]
    fn stream_ends_with_the_first_message_that_cannot_be_believed() {
        let mut stream = [reply(1, b"body"), reply(2, b"body")].concat();
        stream[260 + 258] ^= 1;
        assert_eq!(decode(&stream, 100), Err(FrameError::BodyChecksum));
        stream[260] ^= 1;
        assert_eq!(decode(&stream, 100), Err(FrameError::HeaderChecksum));
        let mut other = Decoder::new(TigerBeetle::default(), 8);
        let bytes = reply(1, b"");
        other.space()[..bytes.len()].copy_from_slice(&bytes);
        other.filled(bytes.len());
        assert_eq!(other.next(), Err(FrameError::Cluster(7)));
    }

    #[test]
    fn size_is_not_believed_before_the_header_is() {
        let mut bytes = reply(1, b"");
        bytes[96..100].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(decode(&bytes, 256), Err(FrameError::HeaderChecksum));
    }
}
