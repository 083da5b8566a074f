//! The model behind real sockets, for tests of whole programs; and a player of recorded sessions.
//!
//! ```text
//! program <--TCP--> reader, writer \
//! program <--TCP--> reader, writer  > Mutex<Cluster> <-- clock
//!                                  /
//! ```
//!
//! | module | what it is |
//! |---|---|
//! | [`Server`] | a cluster on 127.0.0.1, one port a replica, chosen by the system |
//! | [`Fault`] | what is to go wrong, and when |
//! | [`Received`] | what came, message by message |
//! | [`Player`] | one replica that knows a recorded session and nothing else |
//!
//! All end with the value that stands for them. Only `std` is used: a thread for each direction of each
//! connection, and one lock.

mod fault;
mod link;
mod player;
mod received;
mod server;
#[cfg(test)]
mod tests;

pub use self::fault::{Fault, Victim};
pub use self::player::Player;
pub use self::received::{Arrival, Received};
pub use self::server::Server;
