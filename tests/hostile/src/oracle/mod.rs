//! A merge that is slow and obvious: all entries in memory, sorted, and the chain walked from child to child.
//!
//! It was the command's own, as long as that held all entries in memory. It shares the scan with the command,
//! its types, and nothing else; what has to be equal: see [`merge`](crate::merge).

pub mod index;
pub mod plan;
