//! Mixes: what an option chooses among, and how often. `256`, `128..4096`, `0:90,1MiB:10`.
//!
//! ```text
//! MIX    = ITEM , ITEM ...
//! ITEM   = WHAT  or  WHAT:WEIGHT     the weight is 1 unless told
//! ```

use super::random::Stream;
use crate::size;
use aof_nostd::wire::Operation;
use std::str::FromStr;

/// Things with weights; at least one, and no weight is 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mix<T> {
    items: Vec<(T, u32)>,
    total: u64,
}

impl<T: Copy> Mix<T> {
    /// Only this.
    #[must_use]
    pub fn one(item: T) -> Self {
        Self { items: vec![(item, 1)], total: 1 }
    }

    /// Reads a mix, each thing by `parse`.
    fn parse(text: &str, parse: impl Fn(&str) -> Result<T, String>) -> Result<Self, String> {
        let mut mix = Self { items: Vec::new(), total: 0 };
        for item in text.split(',') {
            let (what, weight) = match item.split_once(':') {
                Some((what, weight)) => (what, parse_weight(weight)?),
                None => (item, 1),
            };
            mix.items.push((parse(what.trim())?, weight));
            mix.total += u64::from(weight);
        }
        Ok(mix)
    }

    /// What the stream chooses at a place.
    #[must_use]
    pub fn choose(&self, stream: Stream, place: u64) -> Option<T> {
        if let [(only, _)] = self.items[..] {
            return Some(only);
        }
        let mut left = stream.below(place, self.total);
        let chosen = self.items.iter().find(|(_, weight)| match left.checked_sub((*weight).into()) {
            Some(rest) => {
                left = rest;
                false
            }
            None => true,
        });
        chosen.map(|(item, _)| *item)
    }

    /// All that may be chosen.
    pub fn items(&self) -> impl Iterator<Item = T> {
        self.items.iter().map(|(item, _)| *item)
    }
}

fn parse_weight(text: &str) -> Result<u32, String> {
    match text.trim().parse() {
        Ok(weight @ 1..) => Ok(weight),
        _ => Err(format!("{text} is no weight: behind a colon stands a whole number from 1 on")),
    }
}

/// Numbers from `least` to `most`, each as likely.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// The lowest.
    pub least: u64,
    /// The highest.
    pub most: u64,
}

impl Range {
    /// What the stream chooses at a place.
    #[must_use]
    pub fn choose(self, stream: Stream, place: u64) -> u64 {
        if self.least == self.most {
            return self.least;
        }
        self.least.saturating_add(stream.below(place, (self.most - self.least).saturating_add(1)))
    }

    fn parse(text: &str, number: impl Fn(&str) -> Result<u64, String>) -> Result<Self, String> {
        let (least, most) = match text.split_once("..") {
            Some((least, most)) => (number(least.trim())?, number(most.trim())?),
            None => (number(text)?, number(text)?),
        };
        if least > most {
            return Err(format!("{text} goes down: the smaller number stands first"));
        }
        Ok(Self { least, most })
    }
}

/// Sizes of bodies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sizes(pub Mix<Range>);

impl FromStr for Sizes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Mix::parse(text, |item| Range::parse(item, size::parse)).map(Self)
    }
}

/// Numbers of events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counts(pub Mix<Range>);

impl FromStr for Counts {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |text: &str| text.parse().map_err(|_| format!("{text:?} is no whole number"));
        Mix::parse(text, |item| Range::parse(item, number)).map(Self)
    }
}

/// Operations, by name or by number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operations(pub Mix<Operation>);

impl FromStr for Operations {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Mix::parse(text, parse_operation).map(Self)
    }
}

fn parse_operation(text: &str) -> Result<Operation, String> {
    if let Ok(number) = text.parse() {
        return Ok(Operation(number));
    }
    let found = (0..=u8::MAX).map(Operation).find(|operation| operation.name() == Some(text));
    found.ok_or_else(|| {
        format!("{text:?} is no operation: a name such as create_transfers, or a number from 0 to 255")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_tell_how_often_each_is_chosen() {
        let mix: Operations = "create_transfers:8,lookup_accounts:2,4".parse().unwrap();
        let stream = Stream::new(1, 1);
        let chosen: Vec<u8> =
            (0..11_000).filter_map(|place| mix.0.choose(stream, place)).map(|o| o.0).collect();
        let times = |operation| chosen.iter().filter(|&&chosen| chosen == operation).count();
        assert_eq!(chosen.len(), 11_000);
        assert!((7_800..8_200).contains(&times(147)), "{}", times(147));
        assert!((1_850..2_150).contains(&times(140)), "{}", times(140));
        assert!((900..1_100).contains(&times(4)), "{}", times(4));
    }

    #[test]
    fn ranges_are_reached_from_end_to_end() {
        let sizes: Sizes = "0..3,1KiB".parse().unwrap();
        let ranges: Vec<Range> = sizes.0.items().collect();
        assert_eq!(ranges, [Range { least: 0, most: 3 }, Range { least: 1024, most: 1024 }]);
        let mut chosen: Vec<u64> = (0..100).map(|place| ranges[0].choose(Stream::new(1, 1), place)).collect();
        chosen.sort_unstable();
        chosen.dedup();
        assert_eq!(chosen, [0, 1, 2, 3]);
    }

    #[test]
    fn what_is_no_mix_is_refused_and_said() {
        let sizes = |text: &str| text.parse::<Sizes>().unwrap_err();
        assert!(sizes("9..3").contains("goes down"));
        assert!(sizes("9:0").contains("no weight"));
        assert!(sizes("4K").contains("1000 or of 1024"));
        assert!(sizes("").contains("begins with a digit"));
        assert!("create".parse::<Operations>().unwrap_err().contains("create_transfers"));
        assert!("1,x".parse::<Counts>().unwrap_err().contains("whole number"));
    }
}
