//! What `embedded-io` lacks: durability ([`Sync`]), a seekable slice ([`Cursor`]), and bytes over blocks
//! ([`Blocks`]).

#[cfg(feature = "async")]
mod asynch;
pub mod block;
mod cursor;
mod interrupt;
mod sync;

#[cfg(feature = "async")]
pub use self::asynch::AsyncSync;
#[cfg(feature = "async")]
pub(crate) use self::asynch::uninterrupted_async;
pub use self::block::{BLOCK_SIZE, Block, BlockDevice, BlockError, Blocks};
pub use self::cursor::{Cursor, CursorError};
pub(crate) use self::interrupt::uninterrupted;
pub use self::sync::Sync;
