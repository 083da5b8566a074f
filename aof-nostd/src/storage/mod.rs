//! What `embedded-io` lacks: durability ([`Sync`]) and a seekable slice ([`Cursor`]).

mod cursor;
mod sync;

pub use self::cursor::{Cursor, CursorError};
pub use self::sync::Sync;
