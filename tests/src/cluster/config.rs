//! What a cluster is like.

use crate::random::Random;
use aof_nostd::TigerBeetle;
use aof_nostd::message::MESSAGE_SIZE_MAX;
use aof_nostd::wire::Release;
use std::collections::BTreeMap;
use std::time::Duration;

/// Sessions that a cluster keeps. One more pushes out the one whose last request is the oldest.
pub const SESSIONS_MAX: usize = 64;

/// Operations between request and commit.
pub const PIPELINE_MAX: usize = 8;

/// The first release whose replicas look at the session of a ping. Those before drop such a ping.
pub const RELEASE_SESSION_PINGS: Release = Release::new(0, 17, 6);

/// How the replicas were started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Requests bring their timestamps.
    Recovery,
    /// Requests have no timestamps; each primary begins with a pulse.
    Normal,
}

/// A duration from `min` to `max`, chosen by the seed each time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spread {
    /// The shortest.
    pub min: Duration,
    /// The longest.
    pub max: Duration,
}

impl Spread {
    /// No time at all.
    pub const ZERO: Self = Self::ms(0, 0);

    /// From `min` to `max` milliseconds.
    #[must_use]
    pub const fn ms(min: u64, max: u64) -> Self {
        Self { min: Duration::from_millis(min), max: Duration::from_millis(max) }
    }

    /// One of them.
    pub fn pick(self, random: &mut Random) -> Duration {
        let spread = u64::try_from(self.max.saturating_sub(self.min).as_micros()).unwrap_or(u64::MAX - 1);
        self.min + Duration::from_micros(random.next_u64() % (spread + 1))
    }
}

/// What a [`Cluster`](super::Cluster) is told once.
///
/// ```
/// use aof_tests::cluster::{Cluster, Config};
/// let cluster = Cluster::new(Config { replica_count: 3, ..Config::default() });
/// assert_eq!((cluster.view(), cluster.primary()), (1, 1));
/// ```
#[derive(Clone, Debug)]
pub struct Config {
    /// The cluster's id.
    pub cluster: u128,
    /// Replicas, 1 to 6.
    pub replica_count: u8,
    /// The release that the replicas run.
    pub release: Release,
    /// The oldest release of a client that they take.
    pub release_min: Release,
    /// The largest request, header included, bytes.
    pub request_size_max: u32,
    /// How the replicas were started.
    pub mode: Mode,
    /// From an accepted request to its commit. Zero commits at once, within the same call.
    pub commit_time: Spread,
    /// From the primary's commit to a backup's, and from a backup to the primary for what it forwards.
    pub lag: Spread,
    /// A replica that starts takes connections and drops requests for this long.
    pub start_time: Spread,
    /// The clocks of several replicas agree this long after the start; until then a primary drops
    /// requests.
    pub clock_time: Spread,
    /// From the loss of the primary to the beginning of the view change.
    pub detection_time: Spread,
    /// From there to the new view.
    pub view_change_time: Spread,
    /// A connection that is *likely* a client's, and came second, is registered for the client with the
    /// first request that comes when the other one is gone. Without, no reply comes on it before a ping.
    pub registers_late: bool,
    /// The time of day at time zero, ns since 1970: for the timestamps of a [`Mode::Normal`].
    pub realtime: u64,
    /// Status by event id: such events fail, all others are created.
    pub failures: BTreeMap<u128, u32>,
    /// The checksums' implementation.
    pub profile: TigerBeetle,
    /// Another seed, other delays and other fates.
    pub seed: u64,
}

impl Default for Config {
    /// One replica in recovery, which commits at once: the cluster of the recorded session.
    fn default() -> Self {
        Self {
            cluster: 0,
            replica_count: 1,
            release: Release::new(65535, 0, 0),
            release_min: Release::new(0, 16, 4),
            request_size_max: MESSAGE_SIZE_MAX,
            mode: Mode::Recovery,
            commit_time: Spread::ZERO,
            lag: Spread::ZERO,
            start_time: Spread::ZERO,
            clock_time: Spread::ZERO,
            detection_time: Spread::ms(100, 500),
            view_change_time: Spread::ms(1, 100),
            registers_late: false,
            realtime: 1_800_000_000_000_000_000,
            failures: BTreeMap::new(),
            profile: TigerBeetle::default(),
            seed: 0,
        }
    }
}
