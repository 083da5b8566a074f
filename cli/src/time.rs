//! Times as people write them, and as nanoseconds since 1970: what a log holds.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, civil::Time};

/// Reads a time, as nanoseconds since 1970: RFC 3339, with `T` or a space; without an offset it is UTC,
/// without a time of day it is midnight; or the number of nanoseconds.
///
/// # Errors
///
/// What is wrong, in words.
pub fn parse(text: &str) -> Result<u64, String> {
    const BEYOND: &str = "beyond 2554-07-21T23:34:33.709551615Z, the last time that there is in a log";
    if let Ok(nanoseconds) = text.parse::<u64>() {
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
        "neither nanoseconds since 1970 nor a time such as 2026-11-21, \"2026-11-21 14:03\" (UTC) or \
         2026-11-21T14:03:00.5+01:00"
            .to_owned()
    })?;
    let nanoseconds = time.as_nanosecond();
    let wrong = if nanoseconds < 0 { "before 1970" } else { BEYOND };
    u64::try_from(nanoseconds).map_err(|_| wrong.to_owned())
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

/// A time for people: RFC 3339, UTC, all nine digits of the fraction.
#[must_use]
pub fn format(nanoseconds: u64) -> String {
    // Every number of 64 bits is a time of this century or one of the next five.
    Timestamp::from_nanosecond(nanoseconds.into()).map(|time| format!("{time:.9}")).unwrap_or_default()
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

    #[test]
    fn times_are_told_with_all_their_digits() {
        assert_eq!(format(0), "1970-01-01T00:00:00.000000000Z");
        assert_eq!(format(u64::MAX), "2554-07-21T23:34:33.709551615Z");
    }
}
