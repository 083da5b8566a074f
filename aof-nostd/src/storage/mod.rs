//! What `embedded-io` lacks: durability ([`Sync`]), a seekable slice ([`Cursor`]), and bytes over blocks
//! ([`Blocks`]).

pub mod block;
mod cursor;
mod sync;

pub use self::block::{BLOCK_SIZE, Block, BlockDevice, BlockError, Blocks};
pub use self::cursor::{Cursor, CursorError};
pub use self::sync::Sync;
