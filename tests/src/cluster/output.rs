//! What a cluster does, and why it does nothing.

use super::packet::Packet;
use super::peers::Connection;
use aof_nostd::message::{FrameError, MessageRule};

/// What comes of an input or of time.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::large_enum_variant, reason = "most outputs are messages")]
pub enum Output {
    /// A replica sends a message.
    Send {
        /// Where to.
        connection: Connection,
        /// What.
        packet: Packet,
    },
    /// A replica closes a connection. It is forgotten already.
    Close {
        /// Which.
        connection: Connection,
        /// Why.
        why: CloseReason,
    },
    /// An operation is committed: see [`Cluster::log`](super::Cluster::log).
    Committed {
        /// Its number.
        op: u64,
    },
    /// A message was dropped without an answer. Nobody outside sees this; it is for those who wonder.
    Silent {
        /// Which replica dropped it.
        replica: u8,
        /// Why.
        why: Silence,
    },
}

/// Why a replica closed a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// What came cannot be believed.
    Frame(FrameError),
    /// A message of another client than the one the connection belongs to.
    Identity,
    /// The client has another connection, and pinged on that.
    Replaced,
    /// The replica crashed or aborted.
    Crash,
}

/// Why a message was dropped, roughly in the order in which a replica looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Silence {
    /// A command that clients do not send.
    Command,
    /// A field that must be zero is not, or the like.
    Rule(MessageRule),
    /// An operation that nobody may ask for, or that the model does not know.
    Operation,
    /// The replica is starting.
    Starting,
    /// It is in a view change, or waits to learn the view.
    NotNormal,
    /// The request is of a view that the replica has not heard of.
    ViewAbove,
    /// A backup does not know the client.
    BackupNoSession,
    /// A backup has committed the request or a later one, and does not answer it.
    BackupOld,
    /// A backup forwarded the request to a primary that is not there.
    BackupNoPrimary,
    /// A primary that the others have given up; it does not know.
    Isolated,
    /// The session's number is above the one in the table.
    SessionAbove,
    /// The request's number is below that of the last one committed.
    RequestBelow,
    /// Another request with the number of the last one committed.
    RequestOther,
    /// The request's number is more than one above the last.
    RequestAbove,
    /// The parent is not the last reply's context.
    Parent,
    /// The client's register is not committed yet.
    Registering,
    /// The client has an operation in the pipeline.
    InPipeline,
    /// The pipeline is full.
    PipelineFull,
    /// In recovery, a request without timestamp.
    TimestampMissing,
    /// In normal mode, a request with one.
    TimestampGiven,
    /// The replicas' clocks do not agree yet.
    Clock,
    /// A ping with a session, sent to a release that does not know of it.
    PingSession,
    /// A ping of a release that the cluster does not take, sent to a backup.
    PingRelease,
}
