//! Where reading continues after damage: the rules of docs/format.md, word by word.

use super::{HEAD_SIZE, MAGIC_SIZE, Oracle, number, size};

/// Magics that are tried as the end of an entry whose `size` is damaged.
const TRIES_MAX: usize = 16;
/// Runs that are followed inside a sealed extent.
const RUNS_MAX: usize = 16;
/// Bodies that are verified inside a sealed extent, and their bytes per byte of it.
const BODIES_MAX: usize = 4;
const BODY_BYTES_MAX: usize = 32;

impl Oracle {
    /// Where reading continues after the damage at `damaged`; the log's end if nothing follows.
    pub(super) fn resume(&self, log: &[u8], damaged: usize) -> usize {
        let bytes = &log[damaged..];
        if bytes.len() < HEAD_SIZE {
            return log.len();
        }
        let has_magic = bytes.starts_with(&self.magic.to_le_bytes());
        let sealed = if self.header_is_whole(bytes) {
            Some(size(bytes))
        } else if has_magic {
            self.proven_size(log, damaged)
        } else {
            None
        };
        if let Some(size) = sealed {
            let end = damaged + MAGIC_SIZE + size.max(256) as usize;
            return self.after_sealed(log, damaged, end);
        }
        let successor = if has_magic { self.successor(log, damaged) } else { None };
        successor.unwrap_or_else(|| self.first_start(log, damaged + 1))
    }

    /// The first start at `from` or after it whose entry ends within the log; else the first; else the log's end.
    fn first_start(&self, log: &[u8], from: usize) -> usize {
        let mut starts = (from..log.len()).filter(|at| self.starts(&log[*at..])).peekable();
        let first = starts.peek().copied();
        starts.find(|at| self.end_of(log, *at) <= log.len()).or(first).unwrap_or(log.len())
    }

    fn end_of(&self, log: &[u8], at: usize) -> usize {
        at + MAGIC_SIZE + size(&log[at..]) as usize
    }

    /// The size with which the broken header at `damaged` has the checksum that it should have.
    fn proven_size(&self, log: &[u8], damaged: usize) -> Option<u32> {
        let stored = size(&log[damaged..]);
        let flipped = (0..32).map(|bit| stored ^ (1 << bit));
        let limit = self.message_size_max as usize;
        let distance = |end: usize| end - damaged - MAGIC_SIZE;
        let magics = (damaged + HEAD_SIZE..log.len())
            .take_while(|at| distance(*at) <= limit)
            .filter(|at| self.is_framed_magic(&log[*at..]))
            .take(TRIES_MAX);
        let ends = std::iter::once(log.len()).chain(magics);
        let distances = ends.filter_map(|end| u32::try_from(distance(end)).ok());
        flipped.chain(distances).find(|size| {
            let mut head = log[damaged..damaged + HEAD_SIZE].to_vec();
            head[MAGIC_SIZE + 96..MAGIC_SIZE + 100].copy_from_slice(&size.to_le_bytes());
            self.starts(&head)
        })
    }

    fn is_framed_magic(&self, bytes: &[u8]) -> bool {
        bytes.len() >= HEAD_SIZE && bytes.starts_with(&self.magic.to_le_bytes()) && self.frame_is_right(bytes)
    }

    /// The end of the entry at `damaged`, whose header is broken, if the entry there names it as its parent.
    fn successor(&self, log: &[u8], damaged: usize) -> Option<usize> {
        let head = &log[damaged..damaged + HEAD_SIZE];
        if !self.size_is_right(size(head)) {
            return None;
        }
        let end = self.end_of(log, damaged);
        let next = log.get(end..).filter(|next| self.starts(next))?;
        let (stored, computed) = (number(head, 0), (self.checksum)(&head[MAGIC_SIZE + 16..]));
        let parent = number(next, 128);
        (parent == computed || (stored != 0 && parent == stored)).then_some(end)
    }

    /// Where reading continues after the entry at `damaged`, of which a checksum says that it ends at `end`.
    fn after_sealed(&self, log: &[u8], damaged: usize, end: usize) -> usize {
        let checksum = number(&log[damaged..], 0);
        let behind = log.get(end..).unwrap_or_default();
        let parent_at_end = self.starts(behind).then(|| number(behind, 128));
        if parent_at_end == Some(checksum) {
            return end;
        }
        let is_followed = behind.starts_with(&self.magic.to_le_bytes())
            || (behind.len() >= HEAD_SIZE && self.header_is_whole(behind));
        let mut from = damaged + HEAD_SIZE;
        let mut bodies = 0;
        let mut body_bytes = BODY_BYTES_MAX * (end - damaged);
        for _ in 0..RUNS_MAX {
            let mut inside = from..end.min(log.len());
            let Some(first) = inside.find(|at| self.starts(&log[*at..])) else { break };
            if number(&log[first..], 128) == checksum {
                return first; // the damaged entry's child
            }
            let run = self.run(log, first, end);
            // The damaged entry itself, again, ends a run.
            let again = run.iter().copied().find(|at| number(&log[*at..], 0) == checksum);
            let last = again.unwrap_or_else(|| *run.last().expect("the first"));
            let identity = number(&log[last..], 0);
            let reach = self.end_of(log, last);
            let body_size = reach - last - HEAD_SIZE;
            let is_linked = reach == end && parent_at_end == Some(identity);
            let is_proof = if is_linked {
                true
            } else if reach > log.len() || (reach <= end && again.is_none()) {
                false
            } else if bodies < BODIES_MAX && body_size <= body_bytes {
                bodies += 1;
                body_bytes -= body_size;
                (self.checksum)(&log[last + HEAD_SIZE..reach]) == number(&log[last..], 32)
            } else {
                let next = &log[reach..];
                again.is_none() && !is_followed && self.starts(next) && number(next, 128) == identity
            };
            if is_proof {
                return first;
            }
            from = last + HEAD_SIZE;
        }
        if end >= log.len() {
            log.len()
        } else if is_followed {
            end
        } else {
            self.first_start(log, end)
        }
    }

    /// The starts from `first` on, each where the one before it ends and its child, up to the one that ends at `end`
    /// or behind it.
    fn run(&self, log: &[u8], first: usize, end: usize) -> Vec<usize> {
        let mut run = vec![first];
        let mut last = first;
        loop {
            let next = self.end_of(log, last);
            let is_child = |at: usize| {
                let bytes = log.get(at..).unwrap_or_default();
                self.starts(bytes) && number(bytes, 128) == number(&log[last..], 0)
            };
            if next >= end || !is_child(next) {
                return run;
            }
            run.push(next);
            last = next;
        }
    }
}
