//! A log raw on NOR flash: whenever the power is cut, in the middle of whatever, what a checkpoint covered is
//! there, nothing else is but what was written, and the log goes on.
//!
//! | module | what it shows |
//! |---|---|
//! | [`world`] | one flash through many lives, and what must be on it |
//! | [`cuts`] | every place where the power can be cut, and every place in the recovery from that, and in the next |
//! | [`rot`] | a bit of the journal that is another one later |
//! | [`rules`] | geometry, units, erased bytes, journal, errors |

mod cuts;
mod rot;
mod rules;
mod world;
