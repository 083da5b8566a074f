//! What a merge makes of logs, compared with the truth that the logs were made from.
//!
//! | module | what it knows |
//! |---|---|
//! | [`outcome`] | how to call the merge, and nothing of what is right |
//! | [`check`] | what is right, and nothing of how a merge is called |
//! | [`run`] | many cases, counted by the kind of failure |
//!
//! The cases are from [`aof_tests::truth`]. Neither the generator nor the check has a rule of the reader or of the
//! merge: an oracle with the same rules agrees where both are wrong.

pub mod check;
pub mod outcome;
pub mod run;
