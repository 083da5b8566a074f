//! What a message from a replica means: [`Client::message`].
//!
//! ```text
//! reply      answers the request in flight; every field that repeats the request's has to agree
//! pong       tells the view, and that the replica dropped what older connections carried
//! eviction   ends the session
//! ```

use super::error::{ClientError, ReplyField};
use super::{Action, Client, Session, Time};
use aof_nostd::message::{
    BODY_SIZE_MAX, Command, Eviction, Frame, HEADER_SIZE, Message, PongClient, RegisterResult, Reply, Request,
};
use zerocopy::FromBytes;

impl Client {
    /// A message came from this replica, with right checksums. Gives the reply to the request in flight,
    /// once; its body is the message's.
    ///
    /// # Errors
    ///
    /// [`ClientError::Evicted`], [`ClientError::Reply`].
    pub fn message(
        &mut self,
        replica: u8,
        header: &[u8; HEADER_SIZE],
        body: &[u8],
        now: Time,
    ) -> Result<Option<Reply>, ClientError> {
        if let Some(peer) = self.peer(replica) {
            peer.heard();
        }
        let Ok((frame, _)) = Frame::ref_from_prefix(header) else { return Ok(None) };
        match frame.command() {
            Command::REPLY => self.reply(replica, Reply::view(header), body, now),
            Command::PONG_CLIENT => {
                self.pong(replica, PongClient::view(header), now);
                Ok(None)
            }
            Command::EVICTION => self.eviction(Eviction::view(header)),
            _ => Ok(None), // nothing that a client is sent
        }
    }

    fn pong(&mut self, replica: u8, pong: &PongClient, now: Time) {
        if pong.rule().is_some() {
            return;
        }
        let view = pong.frame.view.get();
        let release = pong.frame.release();
        if let Some(peer) = self.peer(replica) {
            peer.ponged(view, release);
            if peer.clears && peer.is_connected() {
                peer.clears = false;
                peer.renew(now);
                self.actions.push_back(Action::Close(replica));
                self.cleared(replica);
            }
        }
        if self.in_doubt.is_some_and(|doubt| doubt.view < view) {
            self.in_doubt = None;
        }
        if view > self.view {
            let before = self.primary();
            self.view = view;
            if self.primary() != before {
                self.send_to(self.primary());
            }
        }
    }

    fn eviction(&mut self, eviction: &Eviction) -> Result<Option<Reply>, ClientError> {
        let about_us = eviction.client.get() == self.config.client && eviction.frame.view.get() >= self.view;
        match eviction.reason().filter(|_| about_us && eviction.rule().is_none()) {
            None => Ok(None),
            Some(reason) => Err(ClientError::Evicted { reason, release: eviction.frame.release() }),
        }
    }

    fn reply(
        &mut self,
        replica: u8,
        reply: &Reply,
        body: &[u8],
        now: Time,
    ) -> Result<Option<Reply>, ClientError> {
        if reply.rule().is_some() || reply.client.get() != self.config.client {
            return Ok(None);
        }
        if let Some(peer) = self.peer(replica) {
            peer.introduced = true;
        }
        let Some(in_flight) = &self.in_flight else { return Ok(None) };
        let request = in_flight.request();
        if reply.request < request.request {
            return Ok(None); // late, or the second of two
        }
        let wrong = |field| ClientError::Reply { field, request: request.request.get() };
        if let Some(field) = disagreement(reply, request) {
            return Err(wrong(field));
        }
        let session = session_after(self.session, request, reply, body).map_err(wrong)?;
        if in_flight.attempts == 0 {
            self.round_trip.measured(now.saturating_sub(in_flight.since));
        }
        self.session = Some(session);
        self.view = self.view.max(reply.frame.view.get());
        self.in_flight = None;
        self.in_doubt = None;
        Ok(Some(*reply))
    }
}

/// The first field of a reply that does not repeat what the request has.
fn disagreement(reply: &Reply, request: &Request) -> Option<ReplyField> {
    if reply.request > request.request {
        Some(ReplyField::Request)
    } else if reply.frame.release != request.frame.release {
        Some(ReplyField::Release)
    } else if reply.request_checksum != request.frame.checksum {
        Some(ReplyField::RequestChecksum)
    } else if reply.operation != request.operation {
        Some(ReplyField::Operation)
    } else if reply.timestamp != request.timestamp {
        Some(ReplyField::Timestamp)
    } else {
        None
    }
}

/// The session after the reply to `request`; there is none `before` that to a register, whose body tells a limit.
fn session_after(
    before: Option<Session>,
    request: &Request,
    reply: &Reply,
    body: &[u8],
) -> Result<Session, ReplyField> {
    let view = reply.frame.view.get();
    if let Some(session) = before {
        let view = session.view.max(view);
        return Ok(Session { request: request.request.get(), context: reply.context, view, ..session });
    }
    // Its size was checked by the reply's rule.
    let result = RegisterResult::ref_from_bytes(body).map_err(|_| ReplyField::BatchSizeLimit)?;
    let limit = result.batch_size_limit.get();
    if !(1..=BODY_SIZE_MAX).contains(&limit) {
        return Err(ReplyField::BatchSizeLimit);
    }
    let number = reply.commit.get();
    Ok(Session { number, request: 0, context: reply.context, view, batch_size_limit: limit })
}
