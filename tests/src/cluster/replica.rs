//! One replica of the model.

use super::peers::Peers;
use std::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    /// It takes no connections.
    Down,
    /// It takes connections and drops what comes.
    Starting,
    /// It answers pings; it waits to learn the view, or for one to begin.
    Recovering,
    /// It works.
    Normal,
}

#[derive(Clone, Debug)]
pub(super) struct Replica {
    pub(super) status: Status,
    /// The view that it knows.
    pub(super) view: u32,
    /// The last operation that it has executed.
    pub(super) commit: u64,
    /// The other replicas do not hear it, nor it them. Clients do.
    pub(super) isolated: bool,
    /// When what it waits for is there: the end of the start, then the view.
    pub(super) ready_at: Option<Duration>,
    /// When it executes what the primary committed.
    pub(super) commit_at: Option<Duration>,
    /// When its clock is synchronised.
    pub(super) clock_at: Duration,
    pub(super) peers: Peers,
}

impl Replica {
    pub(super) fn new(view: u32, clock_at: Duration, peers: Peers) -> Self {
        Self {
            status: Status::Normal,
            view,
            commit: 0,
            isolated: false,
            ready_at: None,
            commit_at: None,
            clock_at,
            peers,
        }
    }

    /// Whether it takes part in a view change.
    pub(super) fn votes(&self) -> bool {
        matches!(self.status, Status::Recovering | Status::Normal) && !self.isolated
    }

    /// Whether it is up and the others hear it.
    pub(super) fn works(&self) -> bool {
        self.status == Status::Normal && !self.isolated
    }

    pub(super) fn deadline(&self) -> Option<Duration> {
        self.ready_at.into_iter().chain(self.commit_at).min()
    }
}
