//! What `embedded-io` lacks: durability ([`Sync`]), a seekable slice ([`Cursor`]), and bytes over blocks
//! ([`Blocks`]).

pub mod block;
mod cursor;
mod interrupt;
mod sync;

pub use self::block::{BLOCK_SIZE, Block, BlockDevice, BlockError, Blocks};
pub use self::cursor::{Cursor, CursorError};
pub(crate) use self::interrupt::uninterrupted;
pub use self::sync::Sync;
