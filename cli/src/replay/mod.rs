//! Replay: the entries of a log, sent again.
//!
//! ```text
//! files --merge--> entries --preflight--> what will be sent
//!                     |
//!                     v
//!                    run ----> sink: a cluster | JSON lines | a user's own
//!                                 |
//!                 sessions, pulses, progress file
//!                                 |
//!                     client (state machine) <--> network (sockets)
//! ```
//!
//! | module | what it is |
//! |---|---|
//! | [`client`] | the protocol's client as a state machine without sockets |
//! | [`decoder`] | bytes of a stream into messages |

pub mod addresses;
pub mod admission;
pub mod client;
pub mod cluster;
pub mod cluster_error;
pub mod decoder;
pub mod events;
pub mod jsonl;
pub mod log;
pub mod network;
pub mod probe;
pub mod run;
pub mod sink;
pub mod state;
pub mod status;
pub mod timeline;
