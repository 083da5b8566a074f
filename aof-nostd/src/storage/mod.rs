//! What `embedded-io` lacks: durability ([`Sync`]), a seekable slice ([`Cursor`]), bytes over blocks
//! ([`Blocks`]), and, with the feature `nor-flash`, bytes over the erase blocks of a flash (`nor::NorRegion`).

#[cfg(feature = "async")]
mod asynch;
pub mod block;
mod cursor;
mod interrupt;
#[cfg(feature = "nor-flash")]
pub mod nor;
mod sync;

#[cfg(feature = "async")]
pub use self::asynch::AsyncSync;
#[cfg(feature = "async")]
pub(crate) use self::asynch::uninterrupted_async;
pub use self::block::{BLOCK_SIZE, Block, BlockDevice, BlockError, Blocks};
pub use self::cursor::{Cursor, CursorError};
pub(crate) use self::interrupt::uninterrupted;
pub use self::sync::Sync;
