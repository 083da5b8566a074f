//! A log raw on NOR flash: whenever the power is cut, in the middle of whatever, what a checkpoint covered is
//! there, nothing else is but what was written, and the log goes on.
//!
//! | module | what it shows |
//! |---|---|
//! | [`world`] | one flash through many lives, and what must be on it |
//! | [`cuts`] | every place where the power can be cut, and every place in the recovery from that, and in the next |
//! | [`rules`] | geometry, units, erased bytes, journal, errors |

mod cuts;
mod rules;
mod world;
