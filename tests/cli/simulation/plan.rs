//! What a seed chooses before anything happens: the cluster, what is to be sent, and how bad it gets.

use super::wires::Weather;
use aof_nostd::wire::{Operation, Release};
use aof_nostd::{Checksum, Profile, TigerBeetle};
use aof_tests::cluster::{Config, Mode, Spread, batches_of};
use aof_tests::random::Random;
use std::sync::Arc;
use std::time::Duration;

/// How a run is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// With everything acknowledged.
    Success,
    /// The cluster stops for good: the client's patience ends.
    Outage,
    /// 64 others register meanwhile.
    SessionLost,
    /// A release that the cluster does not run yet.
    ReleaseTooHigh,
    /// A release that it does not take any more.
    ReleaseTooLow,
    /// A body that the cluster does not take.
    BodyTooLarge,
    /// The cluster is not in recovery, and drops every request.
    NotInRecovery,
    /// It is another cluster, and closes every connection.
    OtherCluster,
}

impl Fate {
    /// Nothing is ever answered, or not any more.
    pub(crate) fn is_hopeless(self) -> bool {
        matches!(self, Self::Outage | Self::NotInRecovery | Self::OtherCluster)
    }
}

/// Something to be sent.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) operation: Operation,
    pub(crate) timestamp: u64,
    pub(crate) body: Arc<Vec<u8>>,
    pub(crate) checksum_body: Checksum,
}

impl Entry {
    /// A pulse: sent before a noop that confirms it.
    pub(crate) fn is_pulse(&self) -> bool {
        self.operation == Operation::PULSE
    }
}

/// The entries of one release: a session of their own.
#[derive(Clone, Debug)]
pub(crate) struct Batch {
    pub(crate) release: Release,
    pub(crate) register: u64,
    pub(crate) entries: Vec<Entry>,
}

/// All that a seed chooses beforehand.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) fate: Fate,
    pub(crate) config: Config,
    /// The cluster that the client asks for.
    pub(crate) cluster: u128,
    pub(crate) batches: Vec<Batch>,
    /// Connections begin with a ping. Where there are pulses they must not.
    pub(crate) pings: bool,
    /// The client's patience.
    pub(crate) timeout: Duration,
    /// Between two things that go wrong; `None` if nothing does.
    pub(crate) trouble: Option<Spread>,
    /// Nothing goes wrong from then on.
    pub(crate) calm_at: Duration,
    pub(crate) weather: Weather,
    /// Between a reply and the next request.
    pub(crate) thinking: Spread,
}

/// Pulses sent in vain are sent again with later timestamps: room for that.
pub(crate) const PULSE_ROOM: u64 = 1000;

const RELEASES: [Release; 3] = [Release::new(0, 16, 21), Release::new(0, 17, 8), Release::new(65535, 0, 0)];

impl Plan {
    pub(crate) fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let profile = TigerBeetle::new(aof_std::backend());
        let fate = match random.below(40) {
            0 => Fate::Outage,
            1 => Fate::SessionLost,
            2 => Fate::ReleaseTooHigh,
            3 => Fate::ReleaseTooLow,
            4 => Fate::BodyTooLarge,
            5 if random.one_in(2) => Fate::NotInRecovery,
            5 => Fate::OtherCluster,
            _ => Fate::Success,
        };
        let pulses = random.one_in(5);
        let trouble = (!random.one_in(8)).then(|| {
            let most = [200, 1000, 4000][random.below(3)];
            Spread::ms(most / 20, most)
        });
        let config = Config {
            cluster: u128::from(random.next_u64()),
            replica_count: [1, 1, 2, 3, 3, 3, 5, 6][random.below(8)],
            release: if fate == Fate::ReleaseTooHigh { RELEASES[1] } else { RELEASES[2] },
            release_min: if fate == Fate::ReleaseTooLow { RELEASES[1] } else { RELEASES[0] },
            request_size_max: if fate == Fate::BodyTooLarge { 4096 } else { 1 << 20 },
            mode: if fate == Fate::NotInRecovery { Mode::Normal } else { Mode::Recovery },
            commit_time: [Spread::ZERO, Spread::ms(0, 5), Spread::ms(1, 200)][random.below(3)],
            lag: Spread::ms(0, [1, 20, 500][random.below(3)]),
            start_time: Spread::ms(0, [1, 500, 3000][random.below(3)]),
            clock_time: Spread::ms(0, [1, 1, 4000][random.below(3)]),
            detection_time: Spread::ms(100, 1500),
            view_change_time: Spread::ms(1, 500),
            registers_late: random.one_in(2),
            profile,
            seed: random.next_u64(),
            ..Config::default()
        };
        let fair = random.one_in(6) || fate == Fate::SessionLost;
        let weather = if fair { Weather::FAIR } else { Weather::new(&mut random, pulses) };
        let timeout = if fate.is_hopeless() { 20 } else { 60 };
        let batches = batches(&mut random, &config, fate, pulses);
        Self {
            seed,
            fate,
            cluster: config.cluster ^ u128::from(fate == Fate::OtherCluster),
            config,
            batches,
            pings: !pulses,
            timeout: Duration::from_secs(timeout),
            trouble,
            calm_at: Duration::from_millis(1 + random.below(15_000) as u64),
            weather,
            thinking: [Spread::ZERO, Spread::ms(0, 20), Spread::ms(0, 1000)][random.below(3)],
        }
    }
}

fn batches(random: &mut Random, config: &Config, fate: Fate, pulses: bool) -> Vec<Batch> {
    let mut timestamp = 0;
    let all = matches!(fate, Fate::ReleaseTooHigh | Fate::ReleaseTooLow);
    let releases = if all { 3 } else { [1, 1, 2, 3][random.below(4)] };
    let mut batches = Vec::new();
    for release in RELEASES.into_iter().rev().take(releases).rev() {
        let register = timestamp + 1;
        timestamp = register;
        let count = random.below(if releases == 1 { 50 } else { 20 });
        let mut entries = Vec::new();
        for _ in 0..count {
            let entry = if pulses && random.one_in(4) { pulse(config) } else { create(random, config) };
            let gap = if random.one_in(2) { 1 } else { 1 + random.below(1_000_000) as u64 };
            // One timestamp an event, one more for a register before it, and room for a pulse again.
            timestamp += 1 + gap + entry.body.len() as u64 / 128;
            entries.push(Entry { timestamp, ..entry });
            timestamp += if entries.last().is_some_and(Entry::is_pulse) { PULSE_ROOM } else { 0 };
        }
        batches.push(Batch { release, register, entries });
    }
    if fate == Fate::BodyTooLarge
        && let Some(last) = batches.last_mut()
    {
        timestamp += 1000;
        let body = Arc::new(batches_of(&[vec![0; 128 * 40]], 128));
        let checksum_body = config.profile.checksum(&body);
        last.entries.push(Entry { operation: Operation::CREATE_TRANSFERS, timestamp, body, checksum_body });
    }
    batches
}

fn pulse(config: &Config) -> Entry {
    let checksum_body = config.profile.checksum(b"");
    Entry { operation: Operation::PULSE, timestamp: 0, body: Arc::default(), checksum_body }
}

fn create(random: &mut Random, config: &Config) -> Entry {
    let operation = [129, 130, 138, 139, 146, 146, 147, 147][random.below(8)];
    let mut events = Vec::new();
    for _ in 0..1 + random.below(3) {
        // Some events come twice, and fail.
        events.extend(u128::from(random.next_u64() % 64).to_le_bytes());
        events.extend([0; 112]);
    }
    let body = Arc::new(if operation < 138 { events } else { batches_of(&[events], 128) });
    let checksum_body = config.profile.checksum(&body);
    Entry { operation: Operation(operation), timestamp: 0, body, checksum_body }
}
