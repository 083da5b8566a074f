//! Programs over files of the host: what they share.
//!
//! | program | what it does |
//! |---|---|
//! | `read FILE` | verifies a log, and goes on behind damage |
//! | `write FILE PROFILE [FIRST LAST]` | writes a new log |
//! | `append FILE PROFILE [COUNT]` | recovers a log, appends to it, verifies it; without end until the power goes |
//! | `memory FILE PROFILE` | the same log in RAM |
//! | `nor FILE PROFILE` | the same log on NOR flash, through many power cuts |

#![no_std]

mod checkpoint;
mod chip;
mod recover;
mod survey;

pub use self::checkpoint::checkpoint;
pub use self::chip::{CHIP_SIZE, Chip};
pub use self::recover::{Recovered, recover};
pub use self::survey::survey;
