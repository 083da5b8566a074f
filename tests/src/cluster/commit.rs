//! From an accepted request to the log, and to its reply.

use super::config::Mode;
use super::log::{Abort, Committed};
use super::machine::event_count;
use super::model::Cluster;
use super::output::Output;
use super::packet::Packet;
use aof_nostd::message::{HEADER_SIZE, RegisterResult, Reply, Request};
use aof_nostd::wire::{Operation, Release};
use aof_nostd::{Checksum, Profile, message};
use std::sync::Arc;
use std::time::Duration;

/// An operation in the pipeline: prepared, and not committed yet.
#[derive(Clone, Debug)]
pub(super) struct Prepare {
    view: u32,
    /// The primary that prepared it.
    replica: u8,
    pub(super) client: u128,
    session: u64,
    request: u32,
    operation: Operation,
    timestamp: u64,
    release: Release,
    request_checksum: Checksum,
    checksum_body: Checksum,
    body: Arc<[u8]>,
    pub(super) commit_at: Duration,
}

impl Cluster {
    /// The next free timestamp for `events` events.
    fn next_timestamp(&self, events: u64) -> u64 {
        let elapsed = u64::try_from(self.now.as_nanos()).unwrap_or(u64::MAX);
        let realtime = self.config.realtime.saturating_add(elapsed);
        let last = self.pipeline.back().map_or(self.log.timestamp(), |last| last.timestamp);
        realtime.max(last).saturating_add(events.max(1))
    }

    pub(super) fn prepare(&mut self, replica: u8, request: &Request, body: &[u8]) {
        let events = event_count(request.operation(), body).unwrap_or(0);
        let timestamp = match self.config.mode {
            Mode::Recovery => request.timestamp.get(),
            Mode::Normal => self.next_timestamp(events),
        };
        let commit_at = self.commit_time();
        self.pipeline.push_back(Prepare {
            view: self.view,
            replica,
            client: request.client.get(),
            session: request.session.get(),
            request: request.request.get(),
            operation: request.operation(),
            timestamp,
            release: request.frame.release(),
            request_checksum: request.frame.checksum,
            checksum_body: request.frame.checksum_body,
            body: body.into(),
            commit_at,
        });
    }

    /// A primary begins its work: in normal mode with a pulse.
    pub(super) fn begin_term(&mut self) {
        if self.config.mode == Mode::Recovery {
            return;
        }
        let commit_at = self.commit_time();
        self.pipeline.push_back(Prepare {
            view: self.view,
            replica: self.primary(),
            client: 0,
            session: 0,
            request: 0,
            operation: Operation::PULSE,
            timestamp: self.next_timestamp(0),
            release: self.config.release,
            request_checksum: Checksum::ZERO,
            checksum_body: self.config.profile.checksum(b""),
            body: Arc::default(),
            commit_at,
        });
    }

    /// When what goes into the pipeline now is committed: not before what is in it.
    fn commit_time(&mut self) -> Duration {
        let at = self.now + self.config.commit_time.pick(&mut self.random);
        self.pipeline.back().map_or(at, |last| last.commit_at.max(at))
    }

    /// A new primary took over: it keeps the first ones of the pipeline, as chance will have it.
    pub(super) fn shorten_pipeline(&mut self) {
        let kept = self.random.below(self.pipeline.len() + 1);
        let kept: Vec<_> = self.pipeline.drain(..).take(kept).collect();
        for mut prepare in kept {
            prepare.commit_at = self.commit_time();
            self.pipeline.push_back(prepare);
        }
    }

    pub(super) fn commit_due(&mut self) {
        while self.is_available() {
            let now = self.now;
            if self.pipeline.front().is_none_or(|first| first.commit_at > now) {
                return;
            }
            if let Some(prepare) = self.pipeline.pop_front() {
                self.commit(&prepare);
            }
        }
    }

    fn commit(&mut self, prepare: &Prepare) {
        let op = self.log.size() + 1;
        self.log.push(Committed {
            op,
            view: prepare.view,
            client: prepare.client,
            session: prepare.session,
            request: prepare.request,
            operation: prepare.operation,
            timestamp: prepare.timestamp,
            release: prepare.release,
            request_checksum: prepare.request_checksum,
            checksum_body: prepare.checksum_body,
            body_size: prepare.body.len(),
            events: event_count(prepare.operation, &prepare.body).unwrap_or(0),
            time: self.now,
        });
        let result = self.execute(prepare, op);
        let reply = (prepare.client != 0).then(|| self.new_reply(prepare, op, &result));
        self.replies.push(reply);
        self.outputs.push_back(Output::Committed { op });

        let primary = self.primary();
        self.replica_mut(primary).commit = op;
        self.send_reply(primary, op);
        for replica in 0..self.config.replica_count {
            let at = self.now + self.config.lag.pick(&mut self.random);
            let backup = self.replica_mut(replica);
            if replica != primary && backup.works() {
                backup.commit_at = Some(backup.commit_at.map_or(at, |before| before.min(at)));
            }
        }
        if prepare.operation == Operation::PULSE_STATE_MACHINE {
            for replica in 0..self.config.replica_count {
                self.abort(replica, Abort::PulseStateMachine);
            }
        }
    }

    fn execute(&mut self, prepare: &Prepare, op: u64) -> Vec<u8> {
        if prepare.operation == Operation::REGISTER {
            self.sessions.begin(prepare.client, op, prepare.release);
            let limit = self.config.request_size_max - u32::try_from(HEADER_SIZE).unwrap_or(0);
            let mut result = vec![0; size_of::<RegisterResult>()];
            result[..4].copy_from_slice(&limit.to_le_bytes());
            return result;
        }
        self.sessions.request(prepare.client, op);
        self.machine.execute(prepare.operation, &prepare.body, prepare.timestamp)
    }

    fn new_reply(&self, prepare: &Prepare, op: u64, body: &[u8]) -> Packet {
        let mut reply = Reply::new(self.config.cluster, prepare.release, prepare.client);
        reply.frame.view = prepare.view.into();
        reply.frame.replica = prepare.replica;
        reply.request_checksum = prepare.request_checksum;
        reply.op = op.into();
        reply.commit = op.into();
        reply.timestamp = prepare.timestamp.into();
        reply.request = prepare.request.into();
        reply.operation = prepare.operation.0;
        // The context covers the body's checksum and the size.
        let sealed = Packet::seal(reply, &self.config.profile, body);
        let mut reply = *sealed.view::<Reply>();
        reply.context = message::reply_context(&reply, &self.config.profile);
        Packet::seal(reply, &self.config.profile, body)
    }

    /// A backup executes what the primary committed. One of them, by the op, sends the reply as well.
    pub(super) fn catch_up(&mut self, replica: u8) {
        let commit = self.replica(replica).commit;
        self.replica_mut(replica).commit = self.log.size();
        let primary = self.primary();
        let others = u64::from(self.config.replica_count.saturating_sub(1)).max(1);
        for op in commit + 1..=self.log.size() {
            let chosen = (u64::from(primary) + 1 + op % others) % u64::from(self.config.replica_count);
            if replica == primary || chosen == u64::from(replica) {
                self.send_reply(replica, op);
            }
        }
    }
}
