//! A cluster of real replicas in a directory of its own: format, start, kill, look at.

use crate::environment::Environment;
use crate::process::{Process, Ran, run, wait_until};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;

/// A replica reads its journal of 1 GiB before it listens, and the machine may be busy.
const START_LIMIT: Duration = Duration::from_secs(60);

/// What the server's short commands may take.
const COMMAND_LIMIT: Duration = Duration::from_secs(30);

/// How replicas run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// As usual.
    Normal,
    /// With `--aof-recovery`: they take what a replay sends, and nothing else.
    Recovery,
}

/// A cluster, of id 0. Its processes and files are gone after it.
pub(crate) struct Cluster<'a> {
    environment: &'a Environment,
    addresses: Vec<SocketAddr>,
    replicas: Vec<Option<Process>>,
    /// How many times replicas were started: each time has output files of its own.
    starts: u32,
    // Last: dropped after the processes.
    directory: TempDir,
}

impl<'a> Cluster<'a> {
    /// Formats and starts a cluster of `count` replicas.
    pub(crate) fn fresh(environment: &'a Environment, count: usize, mode: Mode) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let replicas = (0..count).map(|_| None).collect();
        let addresses = free_addresses(count);
        let mut cluster = Self { environment, addresses, replicas, starts: 0, directory };
        for index in 0..count {
            let mut command = cluster.command("format");
            command
                .arg("--cluster=0")
                .arg(format!("--replica={index}"))
                .arg(format!("--replica-count={count}"));
            command.arg("--development").arg(cluster.data_file(index));
            cluster.run(&mut command, &format!("format-{index}"), COMMAND_LIMIT).success();
        }
        cluster.start(mode);
        cluster
    }

    /// Starts all replicas that do not run, and waits until they listen.
    pub(crate) fn start(&mut self, mode: Mode) {
        let down: Vec<_> = (0..self.replicas.len()).filter(|&index| self.replicas[index].is_none()).collect();
        for &index in &down {
            self.start_without_waiting(index, mode);
        }
        for index in down {
            self.wait_until_listening(index);
        }
    }

    fn start_without_waiting(&mut self, index: usize, mode: Mode) {
        let mut command = self.command("start");
        command.arg("--development").arg("--experimental").arg("--cache-grid=256MiB");
        if mode == Mode::Recovery {
            command.arg("--aof-recovery");
        }
        command.arg(format!("--aof-file={}", self.aof(index).display()));
        command.arg(format!("--addresses={}", self.addresses())).arg(self.data_file(index));
        self.starts += 1;
        let name = format!("replica-{index}-{}", self.starts);
        self.replicas[index] = Some(Process::start(&mut command, self.directory(), &name));
    }

    fn wait_until_listening(&mut self, index: usize) {
        let address = self.addresses[index];
        let replica = self.replicas[index].as_mut().unwrap();
        let listens = wait_until(START_LIMIT, || !replica.runs() || TcpStream::connect(address).is_ok())
            && replica.runs();
        assert!(listens, "replica {index} does not listen at {address}");
    }

    /// Kills a replica by SIGKILL.
    pub(crate) fn kill(&mut self, index: usize) {
        let mut replica = self.replicas[index].take().expect("the replica runs");
        assert!(replica.runs(), "replica {index} ended by itself\n{}", replica.tail());
        replica.kill();
    }

    /// Stops all replicas. There is no gentler way: a server has nothing to do at its end.
    pub(crate) fn stop(&mut self) {
        for index in 0..self.replicas.len() {
            self.kill(index);
        }
    }

    /// Waits until no replica's log has grown for some time: all have committed what they will.
    pub(crate) fn settle(&self) {
        const QUIET: Duration = Duration::from_millis(1500);
        const LIMIT: Duration = Duration::from_secs(30);
        let mut sizes = self.aof_sizes();
        let settled = wait_until(LIMIT, || {
            let before = std::mem::replace(&mut sizes, self.aof_sizes());
            before == sizes && {
                std::thread::sleep(QUIET);
                sizes == self.aof_sizes()
            }
        });
        assert!(settled, "the logs still grow after {LIMIT:?}: {sizes:?}");
    }

    /// The number of replicas.
    pub(crate) fn count(&self) -> usize {
        self.replicas.len()
    }

    /// The addresses of all replicas, as the server and the tools take them.
    pub(crate) fn addresses(&self) -> String {
        let addresses: Vec<_> = self.addresses.iter().map(ToString::to_string).collect();
        addresses.join(",")
    }

    /// Where everything lies.
    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// A replica's own log.
    pub(crate) fn aof(&self, index: usize) -> PathBuf {
        self.directory().join(format!("replica-{index}.aof"))
    }

    /// The size of a replica's own log.
    pub(crate) fn aof_size(&self, index: usize) -> u64 {
        std::fs::metadata(self.aof(index)).map_or(0, |metadata| metadata.len())
    }

    fn aof_sizes(&self) -> Vec<u64> {
        (0..self.count()).map(|index| self.aof_size(index)).collect()
    }

    fn data_file(&self, index: usize) -> PathBuf {
        self.directory().join(format!("replica-{index}.tigerbeetle"))
    }

    /// What the server's program says about a stopped replica's state up to its last checkpoint.
    pub(crate) fn superblock(&self, index: usize) -> String {
        let mut command = self.command("inspect");
        command.arg("superblock").arg(self.data_file(index));
        self.run(&mut command, &format!("superblock-{index}"), COMMAND_LIMIT).success().stdout
    }

    /// Runs a statement by the server's own client.
    pub(crate) fn query(&self, statement: &str) -> Ran {
        let mut command = self.command("repl");
        command.arg("--cluster=0").arg(format!("--addresses={}", self.addresses()));
        command.arg(format!("--command={statement}"));
        self.run(&mut command, "repl", COMMAND_LIMIT)
    }

    /// Whether an account or a transfer is there.
    pub(crate) fn holds(&self, objects: &str, id: u128) -> bool {
        // What is not there is told on standard error, and as a failure.
        let ran = self.query(&format!("lookup_{objects} id={id};"));
        let answer = ran.stdout + &ran.stderr;
        let found = answer.contains(&format!("\"id\": \"{id}\""));
        assert!(
            found || answer.contains(&format!("No {objects} were found")),
            "neither found nor missing: {answer}"
        );
        found
    }

    /// The balances of an account that keeps them, after each of its transfers.
    pub(crate) fn balances(&self, account: u128) -> String {
        let balances = self.query(&format!("get_account_balances account_id={account} limit=8000;"));
        let balances = balances.success().stdout;
        assert!(balances.contains("debits_pending"), "no balances: {balances}");
        balances
    }

    /// One of the server's commands.
    pub(crate) fn command(&self, name: &str) -> Command {
        let mut command = Command::new(self.environment.server());
        command.arg(name);
        command
    }

    /// Runs a command in this cluster's directory.
    #[track_caller]
    pub(crate) fn run(&self, command: &mut Command, name: &str, limit: Duration) -> Ran {
        run(command, self.directory(), name, limit)
    }
}

impl Drop for Cluster<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for replica in self.replicas.iter().flatten() {
                eprintln!("{}", replica.tail());
            }
        }
    }
}

/// Addresses where nobody listens.
pub(crate) fn free_addresses(count: usize) -> Vec<SocketAddr> {
    // All are held until the last is found, so that they differ.
    let listeners: Vec<_> = (0..count).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    listeners.iter().map(|listener| listener.local_addr().unwrap()).collect()
}
