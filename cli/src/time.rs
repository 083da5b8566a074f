//! Times as people write them, and as nanoseconds since 1970: what a log holds.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, civil::Time};

/// Reads a time, as nanoseconds since 1970: RFC 3339, with `T` or a space; without an offset it is UTC,
/// without a time of day it is midnight; or the number of nanoseconds; or seconds since 1970 as `@SECONDS`, like
/// `date`, with a fraction or without; or a number with its unit: `ns`, `us`, `ms`, `s`.
///
/// A number alone of 10 to 17 digits is refused: in our days it would be seconds, or parts of a second, and taken
/// for nanoseconds it would be a time in 1970.
///
/// # Errors
///
/// What is wrong, in words.
pub fn parse(text: &str) -> Result<u64, String> {
    const BEYOND: &str = "beyond 2554-07-21T23:34:33.709551615Z, the last time that there is in a log";
    if let Some(since) = since_1970(text) {
        return since?.ok_or_else(|| BEYOND.to_owned());
    }
    if let Ok(nanoseconds) = text.parse::<u64>() {
        if (1_000_000_000..100_000_000_000_000_000).contains(&nanoseconds) {
            return Err(format!("seconds, or parts of them? Write @{text} for seconds, or {text}ns, us, ms"));
        }
        return Ok(nanoseconds);
    }
    if text.bytes().all(|byte| byte.is_ascii_digit()) && !text.is_empty() {
        return Err(BEYOND.into());
    }
    // A leap second would be taken for the one before.
    if text.get(16..19) == Some(":60") {
        return Err("seconds go from 00 to 59".into());
    }
    let year =
        text.get(..5).and_then(|year| year.strip_suffix('-')).and_then(|year| year.parse::<u16>().ok());
    if year.is_some_and(|year| year > 2554) {
        return Err(BEYOND.into());
    }
    let time = text.parse::<Timestamp>().ok().or_else(|| without_offset(text)).ok_or_else(|| {
        "neither nanoseconds since 1970, nor seconds (@1795269780), nor a time such as 2026-11-21, \
         \"2026-11-21 14:03\" (UTC) or 2026-11-21T14:03:00.5+01:00"
            .to_owned()
    })?;
    let nanoseconds = time.as_nanosecond();
    let wrong = if nanoseconds < 0 { "before 1970" } else { BEYOND };
    u64::try_from(nanoseconds).map_err(|_| wrong.to_owned())
}

/// A number since 1970 that tells its unit; `None` where it tells none. `Ok(None)`: it is too large.
fn since_1970(text: &str) -> Option<Result<Option<u64>, String>> {
    const UNITS: [(&str, u32); 4] = [("ns", 0), ("us", 3), ("ms", 6), ("s", 9)];
    let (number, digits) = match text.strip_prefix('@') {
        Some(number) => (number, 9),
        None => {
            UNITS.iter().find_map(|(unit, digits)| Some((text.strip_suffix(unit)?.trim_end(), *digits)))?
        }
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(whole) || !is_number(fraction) {
        return Some(Err("a number since 1970 has digits alone, and at most one point".into()));
    }
    let fraction = fraction.trim_end_matches('0');
    if fraction.len() > digits as usize {
        return Some(Err("finer than a nanosecond".into()));
    }
    let fraction: u64 = format!("{fraction:0<width$}", width = digits as usize).parse().unwrap_or(0);
    let whole = whole.parse::<u64>().ok().and_then(|whole| whole.checked_mul(10_u64.pow(digits)));
    Some(Ok(whole.and_then(|whole| whole.checked_add(fraction))))
}

/// A date, or date and time, of UTC.
fn without_offset(text: &str) -> Option<Timestamp> {
    // An offset that is no part of a valid time must not be passed over in silence.
    let behind_date = text.get(10..)?;
    if behind_date.contains(['+', '-', '[', 'Z', 'z']) {
        return None;
    }
    let time: DateTime = match text.parse::<jiff::civil::Date>() {
        Ok(date) if behind_date.is_empty() => date.to_datetime(Time::midnight()),
        _ => text.parse().ok()?,
    };
    time.to_zoned(TimeZone::UTC).ok().map(|time| time.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_to_the_nanosecond() {
        assert_eq!(parse("1795236810352835628"), Ok(1_795_236_810_352_835_628));
        assert_eq!(parse("1970-01-01T00:00:01.000000002Z"), Ok(1_000_000_002));
        assert_eq!(parse("1970-01-01T01:00:00+01:00"), Ok(0));
        assert_eq!(parse("2554-07-21T23:34:33.709551615Z"), Ok(u64::MAX));
    }

    #[test]
    fn usual_forms_are_utc_unless_they_tell_an_offset() {
        const DAY: u64 = 1_795_219_200_000_000_000;
        const AT: u64 = DAY + (14 * 60 + 3) * 60_000_000_000;
        assert_eq!(parse("2026-11-21"), Ok(DAY));
        for text in ["2026-11-21T14:03", "2026-11-21 14:03", "2026-11-21T14:03:00", "2026-11-21 14:03:00"] {
            assert_eq!(parse(text), Ok(AT), "{text}");
        }
        for text in ["2026-11-21 14:03:00Z", "2026-11-21T15:03:00+01:00", "2026-11-21 13:03-01:00"] {
            assert_eq!(parse(text), Ok(AT), "{text}");
        }
        assert_eq!(parse("2026-11-21 14:03:00.5"), Ok(AT + 500_000_000));
        assert_eq!(parse("2026-11-21T14:03:00.000000001"), Ok(AT + 1));
    }

    #[test]
    fn seconds_since_1970_and_numbers_with_a_unit_are_read() {
        const AT: u64 = 1_795_269_780_000_000_000;
        for text in ["@1795269780", "1795269780s", "1795269780 s", "1795269780000ms", "1795269780000000us"] {
            assert_eq!(parse(text), Ok(AT), "{text}");
        }
        assert_eq!(parse("1795269780000000000ns"), Ok(AT));
        assert_eq!(parse("@1795269780.000000001"), Ok(AT + 1));
        assert_eq!(parse("1795269780.5s"), Ok(AT + 500_000_000));
        assert_eq!(parse("1795269780.50000000000s"), Ok(AT + 500_000_000));
        assert_eq!(parse("5ns"), Ok(5));
        assert_eq!(parse("@18446744073.709551615"), Ok(u64::MAX));
        for text in ["@18446744073.709551616", "18446744074s", "@99999999999999999999999"] {
            assert!(parse(text).unwrap_err().starts_with("beyond 2554"), "{text}");
        }
        for text in ["@", "s", "@-1", "@1.", "@.5", "@1.0000000001", "1.5ns", "@1s", "@1 2", "1.2.3s"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn number_that_could_be_seconds_is_refused() {
        for text in ["1795269780", "1795269780000", "1795269780000000", "99999999999999999"] {
            let told = parse(text).unwrap_err();
            assert!(told.contains(&format!("Write @{text} for seconds")), "{told}");
        }
        for (text, time) in [("0", 0), ("1005", 1005), ("100000000000000000", 100_000_000_000_000_000)] {
            assert_eq!(parse(text), Ok(time));
        }
    }

    #[test]
    fn what_is_no_time_is_told() {
        for text in ["", "14:03", "1969-12-31T23:59:59Z", "-1", "2026-11-21T", "2026-11", "2026-13-01"] {
            assert!(parse(text).is_err(), "{text}");
        }
        for text in ["2026-11-21T14:03:00+", "2026-11-21 14:03 +99:00", "2026-11-21x", "2026-11-21 25:00"] {
            assert!(parse(text).is_err(), "{text}");
        }
        let told = |text: &str| parse(text).unwrap_err();
        for text in ["2554-07-21T23:34:33.7096Z", "9999-12-31T00:00:00Z", "18446744073709551616"] {
            assert!(told(text).starts_with("beyond 2554"), "{text}");
        }
        assert_eq!(told("1969-12-31T23:59:59Z"), "before 1970");
        assert_eq!(told("1969-12-31"), "before 1970");
        assert_eq!(told("2026-11-21T05:02:60Z"), "seconds go from 00 to 59");
        assert_eq!(told("2026-11-21 05:02:60"), "seconds go from 00 to 59");
    }
}
