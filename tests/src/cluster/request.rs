//! What a replica does with a request: a dozen rules, in order, and most of them end in silence.

use super::config::{Mode, PIPELINE_MAX};
use super::log::{Abort, TIMESTAMP_MAX};
use super::machine::event_count;
use super::model::Cluster;
use super::output::{CloseReason, Silence};
use super::packet::Packet;
use super::peers::{Connection, Verdict};
use super::replica::Status;
use aof_nostd::message::{Eviction, EvictionReason, Message, MessageRule, Reply, Request};
use aof_nostd::wire::Operation;
use aof_nostd::{Checksum, Profile};
use std::sync::Arc;

/// A request on its way from a backup to the primary.
#[derive(Clone, Debug)]
pub(super) struct Forward {
    primary: u8,
    request: Request,
    body: Arc<[u8]>,
}

/// What is to be done with a request that is not accepted.
enum Refusal {
    Silent(Silence),
    Evict(EvictionReason),
    /// The reply to this op is sent again.
    Repeat(u64),
    Abort(Abort),
}

impl From<Silence> for Refusal {
    fn from(why: Silence) -> Self {
        Self::Silent(why)
    }
}

impl From<EvictionReason> for Refusal {
    fn from(reason: EvictionReason) -> Self {
        Self::Evict(reason)
    }
}

impl Cluster {
    /// Does to a connection what a message on it means. False if the message is to be left at that.
    pub(super) fn obey(&mut self, replica: u8, connection: Connection, verdict: Verdict) -> bool {
        match verdict {
            Verdict::Keep => return true,
            Verdict::Replace(other) => {
                self.close(other, CloseReason::Replaced);
                return true;
            }
            Verdict::Close => self.close(connection, CloseReason::Identity),
            Verdict::Abort => self.abort(replica, Abort::RequestWithoutClient),
        }
        false
    }

    /// A request came from a client.
    pub(super) fn requested(&mut self, replica: u8, connection: Connection, request: &Request, body: &[u8]) {
        let verdict = self.replica_mut(replica).peers.request(connection, request.client.get());
        if !self.obey(replica, connection, verdict) {
            return;
        }
        self.request(replica, request, body);
    }

    /// A request came from a client or from a backup.
    fn request(&mut self, replica: u8, request: &Request, body: &[u8]) {
        let looked_at = self.rule_of_header(replica, request).and_then(|()| {
            if self.primary_of(self.replica(replica).view) == replica {
                self.primary_accepts(replica, request, body).map(|()| true)
            } else {
                self.backup_forwards(replica, request).map(|()| false)
            }
        });
        match looked_at {
            Ok(true) => self.prepare(replica, request, body),
            Ok(false) => self.forward(replica, request, body),
            Err(Refusal::Silent(why)) => self.silent(replica, why),
            Err(Refusal::Evict(reason)) => self.evict(replica, request.client.get(), reason),
            Err(Refusal::Repeat(op)) => self.send_reply(replica, op),
            Err(Refusal::Abort(why)) => self.abort(replica, why),
        }
    }

    /// A header that is invalid beyond its frame, a replica that does not work, a view from the future.
    fn rule_of_header(&self, replica: u8, request: &Request) -> Result<(), Refusal> {
        let operation = request.operation();
        // This form of old clients is refused with a reason, later.
        let without_body = operation == Operation::REGISTER && request.frame.body_size() == 0;
        match request.rule() {
            Some(MessageRule::Size) if without_body => {}
            Some(rule) => return Err(Silence::Rule(rule).into()),
            None => {}
        }
        let pulse = request.client.get() == 0;
        match operation {
            Operation::PULSE if pulse => {}
            Operation::RESERVED | Operation::ROOT | Operation::RECONFIGURE => {
                return Err(Silence::Operation.into());
            }
            Operation::PULSE | Operation::UPGRADE => return Err(Silence::Operation.into()),
            _ => {}
        }
        let empty = matches!(operation, Operation::PULSE | Operation::NOOP);
        if empty && request.frame.body_size() != 0 {
            return Err(Silence::Rule(MessageRule::Size).into());
        }
        match self.replica(replica).status {
            Status::Normal => {}
            Status::Starting | Status::Down => return Err(Silence::Starting.into()),
            Status::Recovering => return Err(Silence::NotNormal.into()),
        }
        if request.frame.view.get() > self.replica(replica).view {
            return Err(Silence::ViewAbove.into());
        }
        Ok(())
    }

    fn backup_forwards(&self, replica: u8, request: &Request) -> Result<(), Refusal> {
        let commit = self.replica(replica).commit;
        if let Some(session) = self.sessions.at(request.client.get(), commit) {
            let last = session.last_at(commit);
            let (number, checksum) = self.last_request(last);
            if request.request.get() == number && request.frame.checksum == checksum {
                return Err(Refusal::Repeat(last));
            }
            if request.request.get() <= number {
                return Err(Silence::BackupOld.into());
            }
        } else if request.operation() != Operation::REGISTER {
            return Err(Silence::BackupNoSession.into());
        }
        Ok(())
    }

    /// Number and checksum of the request that became `op`.
    fn last_request(&self, op: u64) -> (u32, Checksum) {
        let index = usize::try_from(op).map_or(0, |op| op - 1);
        let last = &self.log.committed()[index];
        (last.request, last.request_checksum)
    }

    fn forward(&mut self, replica: u8, request: &Request, body: &[u8]) {
        let at = self.now + self.config.lag.pick(&mut self.random);
        let primary = self.primary_of(self.replica(replica).view);
        if self.replica(replica).isolated {
            return self.silent(replica, Silence::BackupNoPrimary);
        }
        self.forward_count += 1;
        let forward = Forward { primary, request: *request, body: body.into() };
        self.forwards.insert((at, self.forward_count), forward);
    }

    pub(super) fn forward_due(&mut self) {
        let now = self.now;
        while let Some(first) = self.forwards.first_entry().filter(|first| first.key().0 <= now) {
            let Forward { primary, request, body } = first.remove();
            if self.replica(primary).works() {
                self.request(primary, &request, &body);
            } else {
                self.silent(primary, Silence::BackupNoPrimary);
            }
        }
    }

    fn primary_accepts(&self, replica: u8, request: &Request, body: &[u8]) -> Result<(), Refusal> {
        self.request_itself(request, body)?;
        if request.client.get() != 0 {
            self.session_of(replica, request)?;
        }
        let in_pipeline = |prepare: &super::commit::Prepare| prepare.client == request.client.get();
        if self.pipeline.iter().any(in_pipeline) {
            return Err(Silence::InPipeline.into());
        }
        if self.replica(replica).isolated {
            return Err(Silence::Isolated.into());
        }
        if self.pipeline.len() >= PIPELINE_MAX {
            return Err(Silence::PipelineFull.into());
        }
        self.timestamp(replica, request)?;
        if request.operation() == Operation::REGISTER && body.iter().any(|&byte| byte != 0) {
            return Err(Refusal::Abort(Abort::RegisterBody));
        }
        Ok(())
    }

    /// What can be said of a request without knowing its session.
    fn request_itself(&self, request: &Request, body: &[u8]) -> Result<(), Refusal> {
        let release = request.frame.release();
        let operation = request.operation();
        if release < self.config.release_min {
            return Err(EvictionReason::ClientReleaseTooLow.into());
        }
        if release > self.config.release {
            return Err(EvictionReason::ClientReleaseTooHigh.into());
        }
        if request.frame.size.get() > self.config.request_size_max {
            return Err(EvictionReason::InvalidRequestBodySize.into());
        }
        if operation.name().is_none() {
            return Err(EvictionReason::InvalidRequestOperation.into());
        }
        if event_count(operation, body).is_none() {
            return Err(EvictionReason::InvalidRequestBody.into());
        }
        if operation == Operation::REGISTER && body.is_empty() {
            return Err(EvictionReason::InvalidRequestBodySize.into());
        }
        Ok(())
    }

    fn session_of(&self, replica: u8, request: &Request) -> Result<(), Refusal> {
        let client = request.client.get();
        let is_register = request.operation() == Operation::REGISTER;
        let commit = self.replica(replica).commit;
        let Some(session) = self.sessions.at(client, commit) else {
            let registering = self.pipeline.iter().any(|prepare| prepare.client == client);
            return match (is_register, registering) {
                (true, _) => Ok(()),
                (false, true) => Err(Silence::Registering.into()),
                (false, false) => Err(EvictionReason::NoSession.into()),
            };
        };
        if !is_register && request.session.get() < session.number {
            return Err(EvictionReason::SessionTooLow.into());
        }
        if !is_register && request.session.get() > session.number {
            return Err(Silence::SessionAbove.into());
        }
        if request.frame.release() != session.release {
            return Err(EvictionReason::SessionReleaseMismatch.into());
        }
        let last = session.last_at(commit);
        let (number, checksum) = self.last_request(last);
        match request.request.get().checked_sub(number) {
            None => Err(Silence::RequestBelow.into()),
            Some(0) if request.frame.checksum == checksum => Err(Refusal::Repeat(last)),
            Some(0) => Err(Silence::RequestOther.into()),
            Some(1)
                if self.reply(last).map(|reply| reply.view::<Reply>().context) == Some(request.parent) =>
            {
                Ok(())
            }
            Some(1) => Err(Silence::Parent.into()),
            Some(_) => Err(Silence::RequestAbove.into()),
        }
    }

    fn timestamp(&self, replica: u8, request: &Request) -> Result<(), Refusal> {
        let timestamp = request.timestamp.get();
        match self.config.mode {
            Mode::Recovery if timestamp == 0 => return Err(Silence::TimestampMissing.into()),
            Mode::Normal if timestamp != 0 => return Err(Silence::TimestampGiven.into()),
            _ => {}
        }
        if self.config.replica_count > 1 && self.now < self.replica(replica).clock_at {
            return Err(Silence::Clock.into());
        }
        if timestamp > TIMESTAMP_MAX {
            return Err(Refusal::Abort(Abort::Timestamp));
        }
        Ok(())
    }

    pub(super) fn evict(&mut self, replica: u8, client: u128, reason: EvictionReason) {
        // Client 0 has no connection, and a valid eviction names another one.
        let mut eviction = Eviction::view(&[0; aof_nostd::message::HEADER_SIZE]).to_owned();
        let frame = eviction.frame_mut();
        frame.command = Eviction::COMMAND.0;
        frame.cluster = self.config.cluster.into();
        frame.release = self.config.release.0.into();
        frame.view = self.replica(replica).view.into();
        frame.replica = replica;
        eviction.client = client.into();
        eviction.reason = reason as u8;
        let packet = Packet::seal(eviction, &self.config.profile, b"");
        self.send_to_client(replica, client, packet);
    }

    /// The reply to `op`, in the replica's view, to the client that asked for it. The context stays the
    /// one of the view in which the reply was made.
    pub(super) fn send_reply(&mut self, replica: u8, op: u64) {
        let Some(mut packet) = self.reply(op).cloned() else { return };
        let mut reply = *packet.view::<Reply>();
        let view = self.replica(replica).view;
        if reply.frame.view.get() != view {
            reply.frame.view = view.into();
            reply.frame.checksum = self.config.profile.checksum(&reply.header()[size_of::<Checksum>()..]);
            packet.header = reply.header();
        }
        self.send_to_client(replica, reply.client.get(), packet);
    }
}
