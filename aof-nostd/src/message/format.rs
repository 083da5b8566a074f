//! `defmt::Format` of messages: the frame, and what tells one message from another.

use super::{
    Account, Batches, Events, Eviction, PingClient, PongClient, RegisterRequest, RegisterResult, Reply,
    Request, Transfer,
};
use defmt::{Format, Formatter, write};

impl Format for Request {
    fn format(&self, f: Formatter<'_>) {
        let (session, request, timestamp) = (self.session.get(), self.request.get(), self.timestamp.get());
        write!(
            f,
            "Request {{ {}, session: {=u64}, request: {=u32}, operation: {=u8}, timestamp: {=u64} }}",
            self.frame, session, request, self.operation, timestamp
        );
    }
}

impl Format for Reply {
    fn format(&self, f: Formatter<'_>) {
        let (op, request, timestamp) = (self.op.get(), self.request.get(), self.timestamp.get());
        write!(
            f,
            "Reply {{ {}, op: {=u64}, request: {=u32}, operation: {=u8}, timestamp: {=u64} }}",
            self.frame, op, request, self.operation, timestamp
        );
    }
}

impl Format for Eviction {
    fn format(&self, f: Formatter<'_>) {
        write!(f, "Eviction {{ {}, reason: {=u8} }}", self.frame, self.reason);
    }
}

impl Format for PingClient {
    fn format(&self, f: Formatter<'_>) {
        write!(f, "PingClient {{ {}, session: {=u64} }}", self.frame, self.session.get());
    }
}

impl Format for PongClient {
    fn format(&self, f: Formatter<'_>) {
        write!(f, "PongClient {{ {} }}", self.frame);
    }
}

impl Format for RegisterRequest {
    fn format(&self, f: Formatter<'_>) {
        write!(f, "RegisterRequest");
    }
}

impl Format for RegisterResult {
    fn format(&self, f: Formatter<'_>) {
        write!(f, "RegisterResult {{ batch_size_limit: {=u32} }}", self.batch_size_limit.get());
    }
}

impl Format for Batches<'_> {
    fn format(&self, f: Formatter<'_>) {
        write!(f, "Batches {{ elements: {=usize} }}", self.elements());
    }
}

impl Format for Account {
    fn format(&self, f: Formatter<'_>) {
        let (id, ledger, flags) = (self.id.get(), self.ledger.get(), self.flags.get());
        write!(f, "Account {{ id: {=u128}, ledger: {=u32}, flags: {=u16:#x} }}", id, ledger, flags);
    }
}

impl Format for Transfer {
    fn format(&self, f: Formatter<'_>) {
        let (id, amount, flags) = (self.id.get(), self.amount.get(), self.flags.get());
        write!(f, "Transfer {{ id: {=u128}, amount: {=u128}, flags: {=u16:#x} }}", id, amount, flags);
    }
}

impl Format for Events<'_> {
    fn format(&self, f: Formatter<'_>) {
        write!(f, "Events {{ count: {=usize} }}", self.count());
    }
}
