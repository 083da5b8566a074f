//! What a run must come to: each reply as it is given out, and the cluster's log at the end.

use super::plan::{Fate, PULSE_ROOM};
use super::run::{Before, Doing, End, Run};
use aof_cli::replay::client::Submission;
use aof_nostd::message::Reply;
use aof_nostd::wire::Operation;
use std::time::Duration;

/// The longest that an answer may take when nothing goes wrong any more: replicas are still starting then,
/// messages are on their way, and connections are broken without either end knowing it.
const WAIT_MAX: Duration = Duration::from_secs(20);

impl Run {
    /// A reply was given out: it must be the cluster's to the request in flight.
    pub(super) fn answered(&mut self, reply: &Reply, body: &[u8]) {
        let request = self.sent.take().expect("something is in flight");
        let op = reply.op.get();
        self.tell(|| format!("acknowledged: request {} as op {op}", reply.request.get()));
        assert_eq!(reply.request_checksum, request, "it is for another request");
        let committed = self.cluster.log().get(usize::try_from(op).unwrap() - 1).expect("it is in the log");
        assert_eq!((committed.request_checksum, committed.op), (request, op));
        let original = self.cluster.reply(op).expect("it was answered");
        assert_eq!((&original.body[..], original.view::<Reply>().context), (body, reply.context));
        self.tally.acknowledged += 1;
        if let Some(calm) = self.calm_since {
            let waited = self.now - calm.max(self.asked_at);
            self.tally.slowest = self.tally.slowest.max(waited);
            assert!(waited < WAIT_MAX, "answered {waited:?} after it was asked for");
        }

        let pulse = match &self.doing {
            Doing::Request(Submission { operation: Operation::NOOP, timestamp, .. }) => Some(timestamp - 1),
            _ => None,
        };
        self.before = Some(Before {
            session: self.session,
            doing: self.doing.clone(),
            op: self.op,
            entry: self.entry,
            lost: self.lost,
            acknowledged: self.acknowledged.len(),
            request,
        });
        let executed = pulse.is_some() && op == self.op + 2;
        assert!(op == self.op + 1 || executed, "op {op} after {}", self.op);
        if let Some(timestamp) = pulse.filter(|_| executed) {
            self.acknowledged.push((None, timestamp));
        }
        self.acknowledged.push((Some(request), reply.timestamp.get()));
        self.op = op;
        match (&self.doing, pulse) {
            (Doing::Register(_), _) => self.registered_at = Some(self.now),
            (_, Some(_)) if !executed => {
                self.tally.pulses_lost += 1;
                self.lost += 1;
                // Given up where there is no room.
                if self.lost * 2 + 2 >= PULSE_ROOM {
                    (self.entry, self.lost) = (self.entry + 1, 0);
                }
            }
            (_, pulse) => {
                self.tally.pulses += usize::from(pulse.is_some());
                (self.entry, self.lost) = (self.entry + 1, 0);
            }
        }
        self.doing = Doing::Thinking(self.now + self.plan.thinking.pick(&mut self.random));
    }

    /// What the cluster holds is what was acknowledged, and at the end perhaps what was in flight.
    pub(crate) fn check(&self, end: &End) {
        let log = self.cluster.log();
        assert_eq!((self.cluster.harms(), self.cluster.aborts()), (&[][..], &[][..]));
        for (committed, (request, timestamp)) in log.iter().zip(&self.acknowledged) {
            assert_eq!(committed.timestamp, *timestamp);
            match request {
                Some(request) => assert_eq!(committed.request_checksum, *request),
                None => assert_eq!((committed.client, committed.operation), (0, Operation::PULSE)),
            }
        }
        let more = &log[self.acknowledged.len().min(log.len())..];
        assert!(log.len() >= self.acknowledged.len(), "what was acknowledged is lost");
        if matches!(end, End::Done) {
            assert_eq!(more, []);
            return self.check_all();
        }
        if self.plan.fate == Fate::NotInRecovery {
            let pulses = log.iter().all(|committed| committed.operation == Operation::PULSE);
            return assert!(pulses, "a cluster that is not in recovery took a request");
        }
        let in_flight = more.iter().filter(|committed| committed.client != 0).count();
        assert!(in_flight <= 1 && more.len() <= 2, "{more:?}");
        for committed in more.iter().filter(|committed| committed.client != 0) {
            assert_eq!(Some(committed.request_checksum), self.sent);
        }
    }

    /// Everything that was planned, in order.
    fn check_all(&self) {
        let mut log = self
            .cluster
            .log()
            .iter()
            .filter(|committed| !matches!(committed.operation, Operation::PULSE | Operation::NOOP));
        for batch in &self.plan.batches {
            let register = log.next().expect("a register");
            assert_eq!((register.operation, register.timestamp), (Operation::REGISTER, batch.register));
            for entry in batch.entries.iter().filter(|entry| !entry.is_pulse()) {
                let committed = log.next().expect("an entry");
                let facts = (committed.operation, committed.timestamp, committed.checksum_body);
                assert_eq!(facts, (entry.operation, entry.timestamp, entry.checksum_body));
                assert_eq!(
                    (committed.client, committed.release),
                    (u128::from(batch.release.0), batch.release)
                );
            }
        }
        assert_eq!(log.next(), None);
    }
}
