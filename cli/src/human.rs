//! Numbers for people: sizes in KiB, MiB, GiB, times in UTC, durations, counts.
//!
//! Places in a file and ops are not for this module: they are copied into other commands, and stay plain.

use std::fmt::Write as _;
use unicode_width::UnicodeWidthStr;

/// A size: `812 bytes`, `2.11 MiB`.
///
/// ```
/// use aof_cli::human::size;
/// assert_eq!(size(1), "1 byte");
/// assert_eq!(size(1023), "1023 bytes");
/// assert_eq!(size(2_215_296), "2.11 MiB");
/// ```
#[must_use]
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes == 1 {
        return "1 byte".into();
    }
    if bytes < 1024 {
        return format!("{bytes} bytes");
    }
    // Of hundredths, so that what is shown is rounded once, and 1023.999 KiB is 1.00 MiB.
    let mut unit = 1_u128 << 10;
    for (at, name) in UNITS.iter().enumerate() {
        let hundredths = (u128::from(bytes) * 100 + unit / 2) / unit;
        if hundredths < 102_400 || at == UNITS.len() - 1 {
            return format!("{}.{:02} {name}", hundredths / 100, hundredths % 100);
        }
        unit <<= 10;
    }
    format!("{bytes} bytes")
}

/// A count, by thousands: `3,888`.
///
/// ```
/// assert_eq!(aof_cli::human::count(1_234_567), "1,234,567");
/// ```
#[must_use]
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count and its noun: `1 entry`, `3,888 entries`.
#[must_use]
pub fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { many })
}

/// The same without commas, for what programs read too: `1 entry`, `3888 entries`.
///
/// ```
/// assert_eq!(aof_cli::human::noun(3888, "entry", "entries"), "3888 entries");
/// ```
#[must_use]
pub fn noun(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// Ranges of ops with both ends: `5, 7-9`; at most 20 of them.
///
/// ```
/// assert_eq!(aof_cli::human::ranges(&[(5, 5), (7, 9)]), "5, 7-9");
/// ```
#[must_use]
pub fn ranges(ranges: &[(u64, u64)]) -> String {
    ranges_of(ranges, 0)
}

/// That ops are missing: `op 8 is missing`, `ops 823 to 959 are missing`, `ops 5, 7-9 are missing`.
///
/// ```
/// assert_eq!(aof_cli::human::ops_missing(&[(8, 8)]), "op 8 is missing");
/// assert_eq!(aof_cli::human::ops_missing(&[(5, 5), (7, 9)]), "ops 5, 7-9 are missing");
/// ```
#[must_use]
pub fn ops_missing(list: &[(u64, u64)]) -> String {
    match list {
        [(first, last)] if first == last => format!("op {first} is missing"),
        [(first, last)] => format!("ops {first} to {last} are missing"),
        list => format!("ops {} are missing", ranges(list)),
    }
}

/// The same of ranges of which so many more are not at hand.
#[must_use]
pub fn ranges_of(ranges: &[(u64, u64)], omitted: u64) -> String {
    let mut text = String::new();
    for (index, (first, last)) in ranges.iter().take(RANGES_SHOWN).enumerate() {
        let between = if index == 0 { "" } else { ", " };
        let _ = write!(text, "{between}{first}");
        if first != last {
            let _ = write!(text, "-{last}");
        }
    }
    match ranges.len().saturating_sub(RANGES_SHOWN) as u64 + omitted {
        0 => {}
        more => {
            let _ = write!(text, " and {more} more ranges");
        }
    }
    text
}

/// Ranges that are shown; a hostile log could have one at every second op.
const RANGES_SHOWN: usize = 20;

/// Columns that a text takes on a terminal: a character of Chinese, Japanese or Korean takes two.
///
/// ```
/// assert_eq!(aof_cli::human::width("r0.aof"), 6);
/// assert_eq!(aof_cli::human::width("日本.aof"), 8);
/// ```
#[must_use]
pub fn width(text: &str) -> usize {
    UnicodeWidthStr::width(text)
}

/// A time by RFC 3339 in UTC, to the nanosecond: `2026-11-21T05:02:27.707103671Z`. `ns` since 1970.
///
/// ```
/// assert_eq!(aof_cli::human::time(1_000_000_002), "1970-01-01T00:00:01.000000002Z");
/// assert_eq!(aof_cli::human::time(u64::MAX), "2554-07-21T23:34:33.709551615Z");
/// ```
#[must_use]
pub fn time(ns: u64) -> String {
    // Every number of nanoseconds that fits is in range: until 2554.
    jiff::Timestamp::from_nanosecond(ns.into()).map(|time| format!("{time:.9}")).unwrap_or_default()
}

/// What [`time`] returns, as bytes, without an allocation: for what is printed of each of millions of entries.
///
/// ```
/// assert_eq!(&aof_cli::human::time_bytes(1_000_000_002), b"1970-01-01T00:00:01.000000002Z");
/// ```
#[must_use]
pub fn time_bytes(ns: u64) -> [u8; 30] {
    const DAY: u64 = 86_400 * 1_000_000_000;
    let (days, mut rest) = (ns / DAY, ns % DAY);
    // Years begin in March here, so that a leap day is the last of its year. A cycle of 400 years began 719,468 days
    // before 1970; from March on, every five months have 153 days.
    let (cycle, day) = ((days + 719_468) / 146_097, (days + 719_468) % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    let mut text = *b"0000-00-00T00:00:00.000000000Z";
    let mut put = |end: usize, digits: usize, mut number: u64| {
        for byte in text.iter_mut().take(end).rev().take(digits) {
            *byte = b'0' + u8::try_from(number % 10).unwrap_or_default();
            number /= 10;
        }
    };
    put(4, 4, cycle * 400 + year + next);
    put(7, 2, month);
    put(10, 2, day);
    put(29, 9, rest % 1_000_000_000);
    rest /= 1_000_000_000;
    put(13, 2, rest / 3_600);
    put(16, 2, rest / 60 % 60);
    put(19, 2, rest % 60);
    text
}

/// A time to the second, for where there is no room: `2026-11-21 05:02:27`.
#[must_use]
pub fn time_short(ns: u64) -> String {
    time(ns).get(..19).map(|text| text.replace('T', " ")).unwrap_or_default()
}

/// A duration, two units at most: `850 ns`, `37.2 s`, `2 h 5 min`, `3 days 4 h`.
///
/// ```
/// use aof_cli::human::duration;
/// assert_eq!(duration(850), "850 ns");
/// assert_eq!(duration(37_200_594_274), "37.2 s");
/// assert_eq!(duration(7_500_000_000_000), "2 h 5 min");
/// ```
#[must_use]
pub fn duration(ns: u64) -> String {
    const US: u64 = 1_000;
    const MS: u64 = 1_000 * US;
    const S: u64 = 1_000 * MS;
    const MIN: u64 = 60 * S;
    const HOUR: u64 = 60 * MIN;
    const DAY: u64 = 24 * HOUR;
    let tenths = |unit: u64, name: &str| {
        let (whole, tenth) = (ns / unit, ns % unit / (unit / 10));
        if tenth == 0 { format!("{whole} {name}") } else { format!("{whole}.{tenth} {name}") }
    };
    let two = |unit: u64, name: &str, part: u64, part_name: &str| {
        let mut text = format!("{} {name}", ns / unit);
        let rest = ns % unit / part;
        if rest > 0 {
            let _ = write!(text, " {rest} {part_name}");
        }
        text
    };
    match ns {
        0..US => format!("{ns} ns"),
        US..MS => tenths(US, "us"),
        MS..S => tenths(MS, "ms"),
        S..MIN => tenths(S, "s"),
        MIN..HOUR => two(MIN, "min", S, "s"),
        HOUR..DAY => two(HOUR, "h", MIN, "min"),
        _ if ns / DAY == 1 => two(DAY, "day", HOUR, "h"),
        _ => two(DAY, "days", HOUR, "h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_rounded_once_and_never_reach_the_next_unit() {
        assert_eq!(size(0), "0 bytes");
        assert_eq!(size(1024), "1.00 KiB");
        assert_eq!(size((1 << 20) - 1), "1.00 MiB");
        assert_eq!(size((1 << 20) - 6000), "1018.14 KiB");
        assert_eq!(size(u64::MAX), "16.00 EiB");
    }

    #[test]
    fn counts_have_commas_at_the_thousands() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (100_000, "100,000")] {
            assert_eq!(count(number), text);
        }
        assert_eq!(counted(1, "entry", "entries"), "1 entry");
        assert_eq!(counted(0, "entry", "entries"), "0 entries");
    }

    #[test]
    fn ranges_are_short() {
        assert_eq!(ranges(&[]), "");
        assert_eq!(ranges(&[(1, 1), (3, 5)]), "1, 3-5");
        assert!(ranges(&[(1, 1); 23]).ends_with("1 and 3 more ranges"));
        assert_eq!(ranges_of(&[(1, 1)], 2), "1 and 2 more ranges");
    }

    #[test]
    fn times_have_all_nanoseconds_and_the_last_one_there_is() {
        assert_eq!(time(0), "1970-01-01T00:00:00.000000000Z");
        assert_eq!(time(u64::MAX), "2554-07-21T23:34:33.709551615Z");
        assert_eq!(time_short(1_795_237_347_707_103_671), "2026-11-21 05:02:27");
    }

    #[test]
    fn durations_have_the_units_that_matter() {
        for (ns, text) in [
            (0, "0 ns"),
            (1_500, "1.5 us"),
            (2_000_000, "2 ms"),
            (59_999_999_999, "59.9 s"),
            (60_000_000_000, "1 min"),
            (61_000_000_000, "1 min 1 s"),
            (86_400_000_000_000, "1 day"),
            (273_600_000_000_000, "3 days 4 h"),
        ] {
            assert_eq!(duration(ns), text);
        }
    }

    #[test]
    fn time_bytes_are_those_of_the_calendar_on_every_day() {
        const DAY: u64 = 86_400 * 1_000_000_000;
        for day in 0..=u64::MAX / DAY {
            // Another time of each day.
            let ns = (day * DAY).saturating_add(day * 1_234_567_891_011 % DAY);
            assert_eq!(String::from_utf8_lossy(&time_bytes(ns)), time(ns));
        }
        assert_eq!(String::from_utf8_lossy(&time_bytes(u64::MAX)), time(u64::MAX));
    }
}
