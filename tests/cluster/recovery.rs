//! A log into a fresh cluster, by our tool or by the reference.

use crate::environment::{Environment, loud};
use crate::log::{Log, aof};
use crate::process::{Process, wait_until};
use crate::server::{Cluster, Mode};
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

/// What a replay may take. The reference sends at most 100 requests a second.
pub(crate) const REPLAY_LIMIT: Duration = Duration::from_secs(180);

/// Who replays.
#[derive(Clone, Copy)]
pub(crate) enum Tool<'a> {
    /// The command that is tested.
    Ours,
    /// The reference's.
    Reference(&'a Path),
}

impl Tool<'_> {
    /// The command that replays a log into a cluster. Ours keeps its progress beside the log.
    pub(crate) fn command(self, cluster: &Cluster, log: &Path) -> Command {
        let mut command = match self {
            Self::Ours => aof(),
            Self::Reference(program) => Command::new(program),
        };
        command
            .arg("recover")
            .arg("--cluster=0")
            .arg(format!("--addresses={}", cluster.addresses()))
            .arg(log);
        command
    }

    /// Starts it.
    pub(crate) fn start(self, cluster: &Cluster, log: &Path) -> Process {
        Process::start(&mut self.command(cluster, log), cluster.directory(), "recover")
    }

    /// Runs it to its end, which must be a good one.
    #[track_caller]
    pub(crate) fn recover(self, cluster: &Cluster, log: &Path) {
        self.start(cluster, log).finish(REPLAY_LIMIT).success();
    }
}

/// Replays a log by our tool, which is killed as soon as the first replica's log has each of these sizes,
/// and at last is left alone. Says how many times it was killed in the middle.
pub(crate) fn recover_with_kills(
    cluster: &Cluster,
    log: &Path,
    sizes: impl IntoIterator<Item = u64>,
) -> usize {
    let mut killed = 0;
    for size in sizes {
        let mut tool = Tool::Ours.start(cluster, log);
        wait_for_size(cluster, &mut tool, size);
        killed += usize::from(tool.runs());
        tool.kill();
    }
    Tool::Ours.recover(cluster, log);
    killed
}

/// Waits until the first replica's log has a size: so far has the replay come.
pub(crate) fn wait_for_size(cluster: &Cluster, tool: &mut Process, size: u64) {
    let reached = wait_until(REPLAY_LIMIT, || cluster.aof_size(0) >= size || !tool.runs());
    assert!(reached, "{} of {size} bytes\n{}", cluster.aof_size(0), tool.tail());
}

/// What a recovery left behind.
#[derive(PartialEq, Eq)]
pub(crate) struct Recovered {
    /// Each replica's own log.
    pub(crate) logs: Vec<Log>,
    /// Each replica's superblock, as the server's program prints it.
    pub(crate) superblocks: Vec<String>,
}

impl Recovered {
    /// Stops a cluster and looks at it.
    pub(crate) fn of(cluster: &mut Cluster) -> Self {
        cluster.settle();
        cluster.stop();
        Self {
            logs: (0..cluster.count()).map(|index| Log::read(&cluster.aof(index))).collect(),
            superblocks: (0..cluster.count()).map(|index| cluster.superblock(index)).collect(),
        }
    }

    /// Whether every operation was prepared in the view in which a fresh cluster begins. On a machine
    /// that stands still for a moment replicas elect another primary, and all headers differ from then on.
    fn undisturbed(&self) -> bool {
        self.logs.iter().all(|log| log.views().iter().eq([&1]))
    }

    /// Expects the same logs to the bit, and the same superblocks.
    #[track_caller]
    pub(crate) fn assert_same(&self, other: &Self) {
        for (index, (ours, theirs)) in self.logs.iter().zip(&other.logs).enumerate() {
            assert!(
                ours == theirs,
                "the logs of replica {index} differ: {} and {} bytes",
                ours.size(),
                theirs.size()
            );
        }
        for (index, (ours, theirs)) in self.superblocks.iter().zip(&other.superblocks).enumerate() {
            let ours = self.comparable(ours);
            let theirs = other.comparable(theirs);
            let differing: Vec<_> =
                ours.iter().zip(&theirs).filter(|(ours, theirs)| ours != theirs).collect();
            assert!(differing.is_empty(), "the superblocks of replica {index} differ: {differing:#?}");
            assert_eq!(ours.len(), theirs.len());
        }
    }

    /// The lines of a superblock that depend on nothing but what was replayed.
    ///
    /// With one replica that is all. With more, the primary may be answering and preparing already while
    /// it writes its checkpoint: a backup has told the client the result. So its last headers are one
    /// farther if the client is quick, as ours is; what they hold is in the logs, and compared there.
    fn comparable<'a>(&self, superblock: &'a str) -> Vec<&'a str> {
        const BY_CHANCE: [&str; 3] = ["checksum=", "vsr_state.commit_max=", "view_headers"];
        let by_chance = |line: &str| {
            // A line begins with the copies that have it.
            let field = line.trim_start_matches(['|', '_']).trim_start();
            self.superblocks.len() > 1 && BY_CHANCE.iter().any(|name| field.starts_with(name))
        };
        superblock.lines().filter(|line| !by_chance(line)).collect()
    }
}

/// Replays a log into a fresh cluster, in which nothing else happens; `replay` does it.
pub(crate) fn undisturbed(
    environment: &Environment,
    count: usize,
    log: &Log,
    replay: impl Fn(&Cluster, &Path),
) -> Recovered {
    const ATTEMPTS: u32 = 3;
    for _ in 0..ATTEMPTS {
        let mut cluster = Cluster::fresh(environment, count, Mode::Recovery);
        let path = log.write(cluster.directory(), "input.aof");
        replay(&cluster, &path);
        let recovered = Recovered::of(&mut cluster);
        if recovered.undisturbed() {
            return recovered;
        }
        loud("the cluster elected another primary meanwhile: once more with a fresh one");
    }
    panic!(
        "the cluster elected another primary {ATTEMPTS} times out of {ATTEMPTS}: is the machine very busy?"
    );
}

/// What our tool makes of the recording in a single replica, once for all tests.
pub(crate) fn single(environment: &Environment, log: &Log) -> &'static Recovered {
    static SINGLE: OnceLock<Recovered> = OnceLock::new();
    SINGLE.get_or_init(|| undisturbed(environment, 1, log, |cluster, log| Tool::Ours.recover(cluster, log)))
}
