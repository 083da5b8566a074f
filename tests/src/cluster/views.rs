//! Replicas come and go, and another one becomes the primary.
//!
//! ```text
//!  primary lost --detection_time--> the others stop --view_change_time--> they work in the new view
//!               backups still answer                  requests are dropped; pings answered
//! ```
//!
//! A replica that restarts takes part when it has started; alone it begins a new view, beside a working
//! primary it learns the view. A view begins where more than half of the replicas take part.

use super::config::Mode;
use super::log::Abort;
use super::model::Cluster;
use super::output::CloseReason;
use super::replica::Status;
use std::time::Duration;

/// A view change that is to come.
#[derive(Clone, Copy, Debug)]
pub(super) struct Change {
    /// When it goes on, if enough replicas take part.
    pub(super) at: Duration,
    /// The new view is chosen, and the replicas wait for it.
    begun: bool,
}

impl Cluster {
    /// A replica dies, and its connections with it. Nothing that was committed is lost.
    pub fn crash(&mut self, replica: u8, now: Duration) {
        self.advance(now);
        self.stop(replica);
        self.advance(now);
    }

    pub(super) fn stop(&mut self, replica: u8) {
        let was_primary = self.primary() == replica;
        let dead = self.replica_mut(replica);
        if dead.status == Status::Down {
            return;
        }
        dead.status = Status::Down;
        dead.isolated = false;
        (dead.ready_at, dead.commit_at) = (None, None);
        self.close_all(replica, CloseReason::Crash);
        if was_primary {
            self.lose_primary();
        }
    }

    /// A replica that was down starts.
    ///
    /// # Panics
    ///
    /// If it was not down.
    pub fn restart(&mut self, replica: u8, now: Duration) {
        self.advance(now);
        let start = self.config.start_time.pick(&mut self.random);
        let clock = self.config.clock_time.pick(&mut self.random);
        let started = self.replica_mut(replica);
        assert_eq!(started.status, Status::Down, "replica {replica} is up");
        started.status = Status::Starting;
        started.ready_at = Some(now + start);
        started.clock_at = now + start + clock;
        self.advance(now);
    }

    /// Cuts a replica off from the others, not from its clients. A primary does not know at first, and
    /// takes requests that it can never commit, until it is let back.
    pub fn isolate(&mut self, replica: u8, now: Duration) {
        self.advance(now);
        self.replica_mut(replica).isolated = true;
        self.replica_mut(replica).commit_at = None;
        if self.primary() == replica {
            self.lose_primary();
        }
        self.advance(now);
    }

    /// Ends [`isolate`](Self::isolate).
    pub fn heal(&mut self, replica: u8, now: Duration) {
        self.advance(now);
        let lag = self.config.lag.pick(&mut self.random);
        let healed = self.replica_mut(replica);
        let votes = matches!(healed.status, Status::Normal | Status::Recovering);
        if std::mem::take(&mut healed.isolated) && votes {
            healed.status = Status::Recovering;
            healed.ready_at = Some(now + lag);
        }
        self.advance(now);
    }

    /// As many others register as push this client's session out of the table. (Their registers are left
    /// out of the log.)
    pub fn forget_session(&mut self, client: u128, now: Duration) {
        self.advance(now);
        self.sessions.end(client, self.log.size());
    }

    /// Makes another replica the primary, though nothing happened to this one.
    pub fn change_view(&mut self, now: Duration) {
        self.advance(now);
        self.change.get_or_insert(Change { at: now, begun: false });
        self.advance(now);
    }

    fn lose_primary(&mut self) {
        let wait = self.config.detection_time.pick(&mut self.random);
        // A replica that is alone has nothing to detect.
        let wait = if self.config.replica_count == 1 { Duration::ZERO } else { wait };
        self.change = Some(Change { at: self.now + wait, begun: false });
    }

    /// Whether enough replicas take part in a view change.
    pub(super) fn can_change(&self) -> bool {
        self.replicas.iter().filter(|replica| replica.votes()).count() >= self.quorum()
    }

    pub(super) fn change_due(&mut self) {
        let now = self.now;
        match self.change.filter(|change| change.at <= now && self.can_change()) {
            Some(Change { begun: false, .. }) => self.begin_view(),
            Some(Change { begun: true, .. }) => self.end_view_change(),
            None => {}
        }
    }

    fn begin_view(&mut self) {
        let votes = |view: &u32| self.replica(self.primary_of(*view)).votes();
        let Some(view) = (self.view + 1..).take(self.replicas.len()).find(votes) else { return };
        self.view = view;
        for replica in self.replicas.iter_mut().filter(|replica| replica.votes()) {
            replica.status = Status::Recovering;
            replica.view = view;
            (replica.ready_at, replica.commit_at) = (None, None);
        }
        let time = self.config.view_change_time.pick(&mut self.random);
        self.change = Some(Change { at: self.now + time, begun: true });
    }

    fn end_view_change(&mut self) {
        self.change = None;
        for replica in 0..self.config.replica_count {
            if self.replica(replica).votes() && !self.verify_headers(replica) {
                // The others will see the same.
                self.change.get_or_insert(Change { at: self.now, begun: false });
                return;
            }
        }
        self.shorten_pipeline();
        for replica in 0..self.config.replica_count {
            if self.replica(replica).votes() {
                self.enter_view(replica);
            }
        }
        self.begin_term();
    }

    /// The headers of the last operations are looked at. False if the replica aborted over them.
    fn verify_headers(&mut self, replica: u8) -> bool {
        let grow = self.log.headers_grow(self.config.mode == Mode::Normal);
        if !grow {
            self.abort(replica, Abort::HeadersNotGrowing);
        }
        grow
    }

    fn enter_view(&mut self, replica: u8) {
        let view = self.view;
        let lag = self.config.lag.pick(&mut self.random);
        let at = self.now + lag;
        let is_primary = self.primary() == replica;
        let entering = self.replica_mut(replica);
        entering.status = Status::Normal;
        entering.view = view;
        entering.ready_at = None;
        entering.commit_at = (!is_primary).then_some(at);
        if is_primary {
            self.catch_up(replica);
        }
    }

    /// Replicas that have started, learned the view, or heard what was committed.
    pub(super) fn replicas_due(&mut self) {
        let now = self.now;
        for replica in 0..self.config.replica_count {
            if self.replica(replica).ready_at.is_some_and(|at| at <= now) {
                self.replica_mut(replica).ready_at = None;
                self.ready(replica);
            }
            if self.replica(replica).commit_at.is_some_and(|at| at <= now) {
                self.replica_mut(replica).commit_at = None;
                self.catch_up(replica);
            }
        }
    }

    fn ready(&mut self, replica: u8) {
        if self.replica(replica).status == Status::Starting {
            if !self.verify_headers(replica) {
                return;
            }
            self.replica_mut(replica).status = Status::Recovering;
        }
        let isolated = self.replica(replica).isolated;
        // In a view change that has not ended, the replica enters the view with the others.
        if self.replica(replica).status == Status::Recovering && self.change.is_none() && !isolated {
            self.enter_view(replica);
        }
    }
}
