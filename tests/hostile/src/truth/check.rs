//! What has to hold of a merge, as far as the truth tells it.
//!
//! | kind | what was broken |
//! |---|---|
//! | `p1-*` | every true entry is intact somewhere, and anchored there, and the output is not exactly the true chain; or it is not anchored, and nothing is said |
//! | `p2` | the output holds what is only the content of entries whose headers are intact, and anchored |
//! | `p3-against-the-true` | the output holds a planted entry although a true one with its op is intact somewhere |
//! | `p3-silent` | the output holds a planted entry, and no note names it |
//! | `p4-*` | one of these, after a file was cut where it was damaged |
//! | `order` | another order of the inputs has another result |
//! | `empty`, `copy` | an empty file beside, or a copy of an input, changes the result |
//! | `lost` | ops are lost, damage provably held them, and nothing says so |

use super::outcome::{Input, OF_ENDS, Outcome, Taken, Told, merge};
use aof_tests::random::Random;
use aof_tests::truth::{Case, Log};
use std::ops::Range;

/// A property that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Which: one of the table.
    pub kind: &'static str,
    /// What was expected, and what was seen.
    pub what: String,
}

fn broken(kind: &'static str, what: String) -> Option<Broken> {
    Some(Broken { kind, what })
}

/// Checks all properties. With `thorough`, all orders of the inputs.
#[must_use]
pub fn check(case: &Case, thorough: bool) -> Vec<Broken> {
    let names = names(case.logs.len());
    let inputs = inputs(case, &names);
    let outcome = merge(&inputs);
    let mut found = facts(case, &inputs, &outcome);
    let mut random = Random::new(case.number ^ 0x6f72_6465);
    found.extend(orders(&inputs, &outcome, thorough, &mut random));
    found.extend(beside(&inputs, &outcome, &mut random));
    if let Some(cut) = cut_at_damage(case, &mut random) {
        let inputs = self::inputs(&cut, &names);
        let outcome = merge(&inputs);
        for Broken { kind, what } in facts(&cut, &inputs, &outcome) {
            let kind = match kind {
                "p1-conflict" | "p1-refused" => "p4-refused",
                "p1-shorter" | "p1-other" => "p4-other",
                "p2" => "p4-p2",
                "lost" => "p4-lost",
                _ => "p4-planted",
            };
            let harms = cut.logs.iter().map(|log| log.harms.last().cloned().unwrap_or_default());
            found.push(Broken { kind, what: format!("{what}; cut: {:?}", harms.collect::<Vec<_>>()) });
        }
    }
    found
}

/// `r0`, `r1` and so on.
#[must_use]
pub fn names(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("r{number}")).collect()
}

/// The logs of a case, with names.
#[must_use]
pub fn inputs<'a>(case: &'a Case, names: &'a [String]) -> Vec<Input<'a>> {
    names.iter().zip(&case.logs).map(|(name, log)| Input { name, bytes: &log.bytes }).collect()
}

/// What one outcome has to be.
#[must_use]
pub fn facts(case: &Case, inputs: &[Input<'_>], outcome: &Outcome) -> Vec<Broken> {
    let covered = case.covered();
    let found = [
        covered.and_then(|covered| premise(case, inputs, outcome, &covered)),
        planted(case, inputs, outcome),
        lost(case, outcome),
    ];
    found.into_iter().flatten().collect()
}

/// P1.
fn premise(case: &Case, inputs: &[Input<'_>], outcome: &Outcome, covered: &Range<usize>) -> Option<Broken> {
    let expected = &case.truth.entries[covered.clone()];
    let ops = format!("{} to {}", expected[0].op(), expected[expected.len() - 1].op());
    let anchored = case.is_anchored(covered);
    if let Some(stop) = &outcome.stop {
        if !anchored {
            return None; // two histories may be told by the same bytes
        }
        let kind = if stop.kind == "conflict" { "p1-conflict" } else { "p1-refused" };
        return broken(kind, format!("ops {ops} are intact: {stop:?}"));
    }
    let is_true = |taken: &Taken| {
        let truly = case.at(taken.op).map(|entry| &case.truth.entries[entry].bytes);
        truly.is_some_and(|truly| truly == outcome.bytes(inputs, taken))
    };
    let seen: Vec<u64> = outcome.chain.iter().map(|taken| taken.op).collect();
    let (first, last) = (expected[0].op(), expected[expected.len() - 1].op());
    // More of the truth is no fault: copies of true entries may have been found in bodies.
    let begins = seen.first().is_some_and(|seen| *seen <= first);
    let is_chain = seen.windows(2).all(|pair| pair[1] == pair[0] + 1);
    let all_true = outcome.chain.iter().all(is_true);
    if all_true && is_chain && begins && seen.last().is_some_and(|seen| *seen >= last) {
        return None;
    }
    let is_told = outcome.notes.iter().any(|note| note.kind != "lost-beginning");
    if all_true && !anchored && is_told {
        return None;
    }
    let kind = if all_true { "p1-shorter" } else { "p1-other" };
    broken(kind, format!("ops {ops} are intact, the output holds {seen:?}, notes {:?}", outcome.notes))
}

/// P2 and P3.
fn planted(case: &Case, inputs: &[Input<'_>], outcome: &Outcome) -> Option<Broken> {
    let mut silent = None;
    let anchored = case.anchored_pieces();
    for taken in &outcome.chain {
        let bytes = outcome.bytes(inputs, taken);
        let truly = case.at(taken.op);
        if truly.is_some_and(|entry| case.truth.entries[entry].bytes == bytes) {
            continue;
        }
        let place = format!("op {}, in {} at byte {}", taken.op, taken.input, taken.range.start);
        let is_content = |(input, at)| is_content(case, &anchored, input, at);
        if is_content((taken.input, taken.range.start)) && occurrences(case, bytes).all(is_content) {
            return broken("p2", format!("{place} is the content of an entry with an intact header"));
        }
        if truly.is_some_and(|entry| case.is_intact(entry)) {
            return broken("p3-against-the-true", format!("{place}; the true one is intact elsewhere"));
        }
        if silent.is_none() && !is_named(inputs, outcome, taken) {
            silent = broken("p3-silent", format!("{place} is planted; notes {:?}", outcome.notes));
        }
    }
    silent
}

/// Whether this place is inside an entry whose head is intact, and known to be the log's.
fn is_content(case: &Case, anchored: &[usize], input: usize, at: usize) -> bool {
    let log = &case.logs[input];
    log.around(at)
        .is_some_and(|piece| piece < anchored[input] && log.has_head(&case.truth, &log.placed[piece]))
}

/// The places where these bytes are: input and byte.
fn occurrences<'a>(case: &'a Case, bytes: &'a [u8]) -> impl Iterator<Item = (usize, usize)> + 'a {
    case.logs.iter().enumerate().flat_map(move |(number, log)| {
        let places = log.bytes.windows(bytes.len()).enumerate().filter(move |(_, window)| *window == bytes);
        places.map(move |(at, _)| (number, at))
    })
}

/// Whether a note names an entry of the chain, by its op or its place.
fn is_named(inputs: &[Input<'_>], outcome: &Outcome, taken: &Taken) -> bool {
    outcome.notes.iter().filter(|note| !OF_ENDS.contains(&note.kind)).any(|note| {
        let place = (inputs[taken.input].name.to_string(), taken.range.start as u64);
        note.ops.iter().any(|ops| (ops.0..=ops.1).contains(&taken.op)) || note.places.contains(&place)
    })
}

/// Ops behind the chain's end that are lost, and damage that provably held them: it is larger than what the
/// chain has in its place.
fn lost(case: &Case, outcome: &Outcome) -> Option<Broken> {
    let last = outcome.chain.last()?.op;
    if outcome.stop.is_some() || outcome.notes.iter().any(|note| note.kind != "lost-beginning") {
        return None;
    }
    let sizes = |entries: Range<usize>| -> usize {
        case.truth.entries.get(entries).into_iter().flatten().map(|entry| entry.bytes.len()).sum()
    };
    let last_entry = case.at(last)?;
    for (number, log) in case.logs.iter().enumerate() {
        let found = log.placed.iter().rfind(|placed| log.is_intact(&case.truth, placed));
        let (end, next) = found.map_or((0, 0), |placed| {
            ((placed.at + placed.kept.cast_signed()).cast_unsigned(), placed.entry + 1)
        });
        let held = log.placed.iter().any(|placed| {
            let is_left =
                placed.at + placed.kept.cast_signed() > 0 && placed.at < log.bytes.len().cast_signed();
            placed.entry > last_entry && is_left
        });
        let damage = (log.bytes.len() - log.zeros()).saturating_sub(end);
        if held && damage > sizes(next..last_entry + 1) {
            let what =
                format!("the chain ends with op {last}; {damage} bytes of r{number} behind {end} held more");
            return broken("lost", what);
        }
    }
    None
}

/// A verdict, as far as the order of inputs does not matter.
type Verdict =
    (Vec<u8>, Option<super::outcome::Stop>, Vec<(&'static str, Vec<(u64, u64)>, Vec<(String, u64)>)>);

fn verdict(inputs: &[Input<'_>], outcome: &Outcome) -> Verdict {
    // Of an entry of the chain a note names one copy: the first input's.
    let places = |note: &Told| if OF_ENDS.contains(&note.kind) { note.places.clone() } else { Vec::new() };
    let notes = outcome.notes.iter();
    let mut notes: Vec<_> = notes.map(|note| (note.kind, note.ops.clone(), places(note))).collect();
    notes.sort();
    (outcome.output(inputs), outcome.stop.clone(), notes)
}

/// Other orders of the inputs: reversed and one by chance, or all of up to three and six by chance of more.
fn orders(inputs: &[Input<'_>], outcome: &Outcome, thorough: bool, random: &mut Random) -> Option<Broken> {
    let count = inputs.len();
    let mut orders = Vec::new();
    if thorough && count <= 3 {
        permutations(&mut (0..count).collect(), 0, &mut orders);
    } else if count > 1 {
        orders.push((0..count).rev().collect());
        for _ in 0..if thorough { 5 } else { 1 } {
            let mut order: Vec<usize> = (0..count).collect();
            (1..count).for_each(|at| order.swap(at, random.below(at + 1)));
            orders.push(order);
        }
    }
    orders.retain(|order| !order.is_sorted());
    let expected = verdict(inputs, outcome);
    orders.into_iter().find_map(|order| {
        let other: Vec<_> = order.iter().map(|number| inputs[*number]).collect();
        let seen = verdict(&other, &merge(&other));
        differ("order", &expected, &seen, &format!("{order:?}"))
    })
}

fn differ(kind: &'static str, expected: &Verdict, seen: &Verdict, how: &str) -> Option<Broken> {
    if expected == seen {
        return None;
    }
    let bytes = (expected.0.len(), seen.0.len(), expected.0 == seen.0);
    let [expected, seen] = [expected, seen].map(|verdict| (&verdict.1, &verdict.2));
    broken(kind, format!("{how}: bytes {bytes:?}, {expected:?}, then {seen:?}"))
}

fn permutations(order: &mut Vec<usize>, from: usize, found: &mut Vec<Vec<usize>>) {
    if from == order.len() {
        found.push(order.clone());
    }
    for at in from..order.len() {
        order.swap(from, at);
        permutations(order, from + 1, found);
        order.swap(from, at);
    }
}

/// An empty file, or a copy of one of the inputs.
fn beside(inputs: &[Input<'_>], outcome: &Outcome, random: &mut Random) -> Option<Broken> {
    let at = random.below(inputs.len() + 1);
    if random.one_in(2) {
        let mut more = inputs.to_vec();
        more.insert(at, Input { name: "empty", bytes: &[] });
        let (expected, seen) = (verdict(inputs, outcome), verdict(&more, &merge(&more)));
        return differ("empty", &expected, &seen, &format!("at {at}"));
    }
    let mut more = inputs.to_vec();
    let copied = inputs[random.below(inputs.len())];
    more.insert(at, Input { name: "copy", ..copied });
    let without = |mut verdict: Verdict| {
        // The copy's places come beside those of what it is a copy of.
        let is_other = |place: &(String, u64)| place.0 != "copy";
        verdict.1.iter_mut().for_each(|stop| stop.places.retain(is_other));
        verdict.2.iter_mut().for_each(|note| note.2.retain(is_other));
        verdict
    };
    let (expected, seen) = (verdict(inputs, outcome), without(verdict(&more, &merge(&more))));
    differ("copy", &expected, &seen, &format!("of {} at {at}", copied.name))
}

/// P4: the case, with one of its logs cut where something in it is damaged.
fn cut_at_damage(case: &Case, random: &mut Random) -> Option<Case> {
    let number = random.below(case.logs.len());
    let log = &case.logs[number];
    let damaged: Vec<usize> = log.placed.iter().filter_map(|placed| first_wrong(case, log, placed)).collect();
    let at = *damaged.get(random.below(damaged.len()))?;
    let mut logs = case.logs.clone();
    logs[number].cut_end(at);
    Some(case.with_logs(logs))
}

/// The first byte of a placed entry that is not what was written.
fn first_wrong(case: &Case, log: &Log, placed: &aof_tests::truth::Placed) -> Option<usize> {
    // What a cut of the beginning took is no damage in the file.
    let gone = usize::try_from(-placed.at).unwrap_or(0);
    let start = usize::try_from(placed.at).unwrap_or(0);
    let truly = case.truth.entries[placed.entry].bytes.get(gone..placed.kept)?;
    let left = log.bytes.get(start..)?;
    let wrong = truly.iter().zip(left).position(|(truly, left)| truly != left)?;
    Some(start + wrong)
}
