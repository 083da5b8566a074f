//! Who has a session, now and as of an earlier operation: replicas that lag behind know an earlier table.

use super::config::SESSIONS_MAX;
use aof_nostd::wire::Release;
use std::collections::BTreeMap;

/// A client's session.
#[derive(Clone, Debug)]
pub(super) struct Session {
    /// The op of the register; also the session's number.
    pub(super) number: u64,
    pub(super) release: Release,
    /// The op that pushed it out.
    ended: Option<u64>,
    /// The ops of its requests; the register's first.
    ops: Vec<u64>,
}

impl Session {
    fn exists_at(&self, commit: u64) -> bool {
        self.number <= commit && self.ended.is_none_or(|ended| ended > commit)
    }

    /// The op of the last request that was committed by then.
    pub(super) fn last_at(&self, commit: u64) -> u64 {
        let count = self.ops.partition_point(|&op| op <= commit);
        self.ops[..count].last().copied().unwrap_or(self.number)
    }
}

/// All sessions that ever were, by client.
#[derive(Clone, Debug, Default)]
pub(super) struct Sessions {
    by_client: BTreeMap<u128, Vec<Session>>,
    live: usize,
}

impl Sessions {
    /// The client's session in the table of a replica that has committed up to `commit`.
    pub(super) fn at(&self, client: u128, commit: u64) -> Option<&Session> {
        self.by_client.get(&client)?.iter().rev().find(|session| session.exists_at(commit))
    }

    /// A register is committed as `op`.
    pub(super) fn begin(&mut self, client: u128, op: u64, release: Release) {
        if self.live == SESSIONS_MAX {
            self.end_oldest(op);
        }
        self.live += 1;
        let session = Session { number: op, release, ended: None, ops: vec![op] };
        self.by_client.entry(client).or_default().push(session);
    }

    /// Another request of a session is committed as `op`.
    pub(super) fn request(&mut self, client: u128, op: u64) {
        let session = self.by_client.get_mut(&client).and_then(|sessions| sessions.last_mut());
        if let Some(session) = session.filter(|session| session.ended.is_none()) {
            session.ops.push(op);
        }
    }

    /// A session ends at `op`, if there is one.
    pub(super) fn end(&mut self, client: u128, op: u64) {
        let session = self.by_client.get_mut(&client).and_then(|sessions| sessions.last_mut());
        if let Some(session) = session.filter(|session| session.ended.is_none()) {
            session.ended = Some(op);
            self.live -= 1;
        }
    }

    fn end_oldest(&mut self, op: u64) {
        let live = self.by_client.values_mut().filter_map(|sessions| sessions.last_mut());
        let live = live.filter(|session| session.ended.is_none());
        if let Some(oldest) = live.min_by_key(|session| session.ops.last().copied()) {
            oldest.ended = Some(op);
            self.live -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RELEASE: Release = Release::new(1, 0, 0);

    #[test]
    fn sixty_fifth_session_pushes_out_the_one_that_was_quiet_longest() {
        let mut sessions = Sessions::default();
        for client in 1..=64 {
            sessions.begin(client, u64::try_from(client).unwrap(), RELEASE);
        }
        sessions.request(1, 65);
        sessions.begin(65, 66, RELEASE);
        assert!(sessions.at(2, 66).is_none());
        assert!(sessions.at(2, 65).is_some(), "a replica that lags knows it still");
        assert_eq!(sessions.at(1, 66).map(|session| session.last_at(66)), Some(65));
        assert_eq!(sessions.at(1, 64).map(|session| session.last_at(64)), Some(1));
        sessions.begin(2, 67, RELEASE);
        assert_eq!(sessions.at(2, 67).map(|session| session.number), Some(67));
        assert!(sessions.at(3, 67).is_none());
    }
}
