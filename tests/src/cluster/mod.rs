//! A cluster to order: what replicas answer to a client, modelled from the protocol's facts.
//!
//! ```text
//!            opened, closed        +----------------------+   Send(connection, packet)
//!  client -> message(header, body) |       Cluster        |-> Close(connection)
//!            crash, restart        | replicas, one log,   |   Committed(op)
//!  time   -> advance(now)          | sessions, pipeline   |   Silent(why)
//!                                  +----------------------+
//! ```
//!
//! | module | what it is |
//! |---|---|
//! | [`Cluster`] | the model: no socket, no clock, no thread; one seed, one behaviour |
//! | [`Config`] | what the cluster is like: replicas, releases, limits, delays |
//! | [`Committed`], [`Harm`], [`Abort`] | what came of it: the log, and what a client must never bring about |
//! | [`Packet`] | a message, header and body |
//! | [`tcp`] | the same behind sockets, and a player of recorded sessions |
//!
//! The model is *hostile but correct*: it does whatever the protocol allows, and that is silence more
//! often than not. An operation is committed some time after its request came. Until then a change of the
//! primary may lose it or keep it, as the seed will have it; once committed it stays, and its reply can be
//! asked for again. Replies come twice, or late, or in a later view than they were made in.
//!
//! What it leaves out: the contents of accounts and transfers (every event succeeds that was not there
//! before, see [`Config::failures`]), reading operations (they are answered with nothing), checkpoints,
//! and what goes between replicas, of which only the outcome is modelled.
//!
//! Facts: the client protocol of TigerBeetle 0.17, as recorded in `tests/data/replay-session`.

mod commit;
mod config;
mod log;
mod machine;
mod model;
mod output;
mod packet;
mod peers;
mod replica;
mod request;
mod sessions;
pub mod tcp;
#[cfg(test)]
mod tests;
mod views;

pub use self::config::{Config, Mode, PIPELINE_MAX, RELEASE_SESSION_PINGS, SESSIONS_MAX, Spread};
pub use self::log::{Abort, Committed, Harm, TIMESTAMP_MAX};
pub use self::machine::{CREATED, batches_of, event_count};
pub use self::model::Cluster;
pub use self::output::{CloseReason, Output, Silence};
pub use self::packet::{Packet, packets};
pub use self::peers::Connection;
