//! One crash: a medium as the cut left it is recovered from, written to, and read again.

use super::driver::{End, Step, live};
use super::front::Device;
use super::medium::Medium;
use super::model::{Expected, Model};
use super::recover::{Recovered, read_through, recover};
use super::world::World;
use crate::report::{CRASHES, Counts};

/// Calls that any trace gets by with: what needs more has no end.
const CALLS_MAX: u64 = 1_000_000;

/// What a trace came to.
#[derive(Debug)]
pub struct Trace {
    /// The medium, with all its events.
    pub medium: Medium,
    /// What should be on it, at each of them.
    pub model: Model,
    /// How it ended.
    pub end: End,
}

/// Lives on `medium`, which holds what is expected, until the steps are used up.
///
/// # Errors
///
/// The promise that is broken.
pub fn trace(
    world: &World,
    medium: Medium,
    expected: &Expected<'_>,
    steps: Vec<Step>,
    counts: &mut Counts,
) -> Result<Trace, String> {
    let mut medium = medium.with_calls_max(CALLS_MAX);
    let mut model = Model::begin(expected);
    let end = live(world, &mut medium, &mut model, &mut steps.into_iter(), counts)?;
    Ok(Trace { medium, model, end })
}

/// Opens what a cut left, appends an entry and makes it durable, opens that, and reads it through.
///
/// # Errors
///
/// The promise that is broken.
pub fn crash(
    world: &World,
    image: Vec<u8>,
    expected: &Expected<'_>,
    counts: &mut Counts,
) -> Result<Trace, String> {
    counts.one(CRASHES);
    let step = Step::Append { body: b"on".to_vec(), sealed: false };
    let mut trace = trace(world, Medium::new(image), expected, vec![step, Step::Checkpoint], counts)?;
    if trace.end == End::Cut {
        let Trace { medium, model, .. } = &mut trace;
        let mut device = Device::new(world, medium);
        match recover(world, &mut device, model, counts)? {
            Recovered::Tail(_) => read_through(world, &mut device, model)?,
            other => return Err(format!("what was just written is not opened again: {other:?}")),
        }
    }
    Ok(trace)
}
