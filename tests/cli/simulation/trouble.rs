//! What goes wrong in a run, and how it comes to an end.

use super::plan::{Fate, Plan};
use super::run::{Doing, Run};
use super::wires::Weather;
use aof_cli::replay::client::ClientError;
use aof_nostd::message::{Command, Eviction, Message, Reply};
use aof_tests::cluster;
use std::time::Duration;

impl Run {
    /// The client's process dies, and another one goes on with its session. What was in flight goes again;
    /// but not a pulse, which was perhaps executed.
    fn new_process(&mut self) -> Result<(), ClientError> {
        let Some(desk) = self.desks.pop() else { return Ok(()) };
        for connection in desk.wires.into_values() {
            if self.random.one_in(2) {
                self.wires.hang_up(connection, self.now, &mut self.random);
            } else {
                self.wires.cut(connection, self.now, &mut self.random);
            }
        }
        self.tell(|| "another process goes on".into());
        self.tally.processes += 1;
        let thinks = matches!(self.doing, Doing::Thinking(_));
        let forgets = thinks && self.random.one_in(3);
        let session = match self.before.take().filter(|_| forgets) {
            Some(before) => {
                self.tell(|| "it does not know of the last acknowledgement".into());
                self.doing = before.doing;
                (self.op, self.entry, self.lost) = (before.op, before.entry, before.lost);
                self.acknowledged.truncate(before.acknowledged);
                // It asks again, the same bit for bit.
                self.sent = Some(before.request);
                self.session = before.session;
                before.session
            }
            None => desk.client.session(),
        };
        self.new_client(session);
        if let Doing::Request(submission) = &mut self.doing {
            submission.pulse = None;
        }
        self.submit(self.now)
    }

    /// Something goes wrong; or all that goes wrong comes to an end.
    pub(super) fn make_trouble(&mut self) {
        let now = self.now;
        if now >= self.plan.calm_at {
            return self.calm_down();
        }
        let Some(trouble) = self.plan.trouble else { return };
        self.trouble_at = Some(now + trouble.pick(&mut self.random));
        let replica = u8::try_from(self.random.below(usize::from(self.plan.config.replica_count))).unwrap();
        let primary = self.cluster.primary();
        let victim = if self.random.one_in(2) { primary } else { replica };
        match self.random.below(18) {
            0..=3 if self.cluster.is_up(victim) => {
                self.tell(|| format!("replica {victim} crashes"));
                self.tally.crashes += 1;
                self.cluster.crash(victim, now);
                self.isolated.retain(|&isolated| isolated != victim);
                let longest = [10, 500, 8000][self.random.below(3)];
                let after = cluster::Spread::ms(1, longest).pick(&mut self.random);
                self.restarts.push((now + after, victim));
            }
            4 if self.cluster.is_up(victim) && self.plan.config.replica_count > 1 => {
                self.tell(|| format!("replica {victim} is isolated"));
                self.cluster.isolate(victim, now);
                self.isolated.push(victim);
            }
            5 | 6 => self.heal(),
            7 | 8 => {
                self.tell(|| "the view changes".into());
                self.cluster.change_view(now);
            }
            9..=12 => self.cut_wires(),
            13 => self.new_process().expect("it did so before"),
            14 if self.plan.fate == Fate::SessionLost && !self.fated => self.lose_session(),
            15..=17 => self.make_noise(),
            _ => {}
        }
    }

    /// Messages that a client is to ignore: about another client, of an unknown kind, against the rules.
    fn make_noise(&mut self) {
        let Plan { config: cluster::Config { cluster, release, profile, .. }, .. } = self.plan;
        let Some((own, wire)) = self.desks.last().and_then(|desk| {
            let (_, &wire) = desk.wires.first_key_value()?;
            Some((desk.client.config().client, wire))
        }) else {
            return;
        };
        let mut reply = Reply::new(cluster, release, own + 1);
        (reply.op, reply.commit) = (7.into(), 7.into());
        reply.timestamp = 7.into();
        reply.request = 7.into();
        let noise = match self.random.below(4) {
            0 => {
                let mut eviction = *Eviction::view(&reply.header());
                eviction.frame.command = Command::EVICTION.0;
                eviction.client = (own + 1).into();
                eviction.reserved = [0; 111];
                eviction.reason = 1;
                assert_eq!(eviction.rule(), None);
                cluster::Packet::seal(eviction, &profile, b"")
            }
            1 => cluster::Packet::seal(reply, &profile, b""),
            2 => {
                reply.frame.command = Command::PREPARE.0;
                cluster::Packet::seal(reply, &profile, b"a prepare")
            }
            _ => {
                reply.client = own.into();
                reply.commit = 8.into();
                cluster::Packet::seal(reply, &profile, b"")
            }
        };
        self.wires.send_to_client(wire, &noise, self.now, &mut self.random);
    }

    fn cut_wires(&mut self) {
        let wires: Vec<_> = self.desks.iter().flat_map(|desk| desk.wires.values().copied()).collect();
        let all = self.random.one_in(4);
        let chosen = self.random.below(wires.len());
        for (_, connection) in wires.into_iter().enumerate().filter(|&(index, _)| all || index == chosen) {
            self.tell(|| format!("{connection:?} is cut"));
            self.wires.cut(connection, self.now, &mut self.random);
        }
    }

    fn lose_session(&mut self) {
        // A register that still wanders about, or that a process sends again which does not know of its
        // answer, would begin another session. 64 others would have to register in between.
        const WANDERS: Duration = Duration::from_secs(2);
        let registering = matches!(self.doing, Doing::Register(_));
        let registered = !registering && self.registered_at.is_some_and(|at| self.now > at + WANDERS);
        let registered = self.desks.last().filter(|_| registered);
        if let Some(client) = registered.map(|desk| desk.client.config().client) {
            self.tell(|| "the session is pushed out".into());
            self.fated = true;
            self.cluster.forget_session(client, self.now);
        }
    }

    fn heal(&mut self) {
        for replica in std::mem::take(&mut self.isolated) {
            self.tell(|| format!("replica {replica} is not isolated any more"));
            self.cluster.heal(replica, self.now);
        }
    }

    pub(super) fn restart_due(&mut self) {
        let now = self.now;
        let due: Vec<_> = self.restarts.extract_if(.., |(at, _)| *at <= now).collect();
        for (_, replica) in due {
            self.tell(|| format!("replica {replica} starts"));
            self.cluster.restart(replica, now);
            self.obey_cluster();
        }
    }

    /// From now on nothing goes wrong; or everything stays as bad as it can be.
    pub(super) fn calm_down(&mut self) {
        self.tell(|| format!("it is calm: {:?}", self.plan.fate));
        self.trouble_at = None;
        self.calm_since = Some(self.now);
        self.wires.weather = Weather::FAIR;
        self.heal();
        if self.plan.fate == Fate::Outage {
            self.fated = true;
            self.restarts.clear();
            for replica in 0..self.plan.config.replica_count {
                self.cluster.crash(replica, self.now);
            }
        }
    }
}
