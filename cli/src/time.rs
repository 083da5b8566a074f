//! Times as people write them, as nanoseconds since 1970: the form that a log holds.
//!
//! The one parser of all arguments that are times. It reads what it documents and refuses everything else: a time that is
//! silently another one is worse than an error.

use jiff::civil::Date;

/// Reads a time, as nanoseconds since 1970:
///
/// | form | example |
/// |---|---|
/// | a date: midnight | `2026-11-21`, `20261121` |
/// | date and time, by `T` or a space | `2026-11-21T14:03`, `2026-11-21 14:03:00.5`, `20261121T140300` |
/// | the same with an offset | `...Z`, `...+01:00`, `...-0530`, `...+01` |
/// | seconds since 1970 | `@1795269780`, `@1795269780.25` |
/// | a number with its unit | `1795269780s`, `1795269780000ms`, `5ns` |
/// | nanoseconds | `1795269780000000000`, `0` |
///
/// Without an offset it is UTC. Hours alone (`2026-11-21T14`) are full hours. A year has four digits, or a sign and six.
///
/// A number alone is nanoseconds only if it can be nothing else: eight digits are a date; a number that could be a year, a
/// month, or seconds or parts of them in our days is refused.
///
/// # Errors
///
/// What is wrong, in words.
pub fn parse(text: &str) -> Result<u64, String> {
    if let Some(since) = since_1970(text) {
        return since?.ok_or_else(|| BEYOND.to_owned());
    }
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return number(text);
    }
    let mut rest = Rest(text);
    let day = date(&mut rest)?;
    let (time, offset) = match rest.0.chars().next() {
        None => (0, 0),
        Some('T' | 't' | ' ') => {
            rest.skip();
            (time_of_day(&mut rest)?, offset(&mut rest)?)
        }
        Some(_) => return Err(NO_TIME.into()),
    };
    let seconds = i128::from(day) * i128::from(DAY) - i128::from(offset);
    let nanoseconds = seconds * i128::from(NS) + i128::from(time);
    let wrong = if nanoseconds < 0 { "before 1970" } else { BEYOND };
    u64::try_from(nanoseconds).map_err(|_| wrong.to_owned())
}

const BEYOND: &str = "beyond 2554-07-21T23:34:33.709551615Z, the last time that there is in a log";

const NO_TIME: &str = "neither nanoseconds since 1970, nor seconds (@1795269780), nor a time such as 2026-11-21, \
                       \"2026-11-21 14:03\" (UTC) or 2026-11-21T14:03:00.5+01:00";

/// Seconds of a day.
const DAY: i64 = 86_400;

/// Nanoseconds of a second.
const NS: u64 = 1_000_000_000;

/// The years of which a log can have times.
const YEARS: std::ops::RangeInclusive<u64> = 1970..=2554;

/// A number without a unit.
fn number(text: &str) -> Result<u64, String> {
    let number = text.parse::<u64>().map_err(|_| BEYOND.to_owned())?;
    let doubt = |what: &str| Err(format!("{what}? Write @{text} for seconds, {text}ns for nanoseconds"));
    let is_year = |digits: u64| YEARS.contains(&digits);
    match text.len() {
        8 => {
            let day = date(&mut Rest(text));
            let nanoseconds = day.map(|day| u64::try_from(day).ok()?.checked_mul(DAY as u64 * NS));
            nanoseconds.ok().flatten().map_or_else(|| doubt("a date that there is not, or seconds"), Ok)
        }
        4 if is_year(number) => doubt("a year"),
        6 if is_year(number / 100) => doubt("a month"),
        7 if is_year(number / 1000) => doubt("a day of a year"),
        12 | 14 if text.get(..4).and_then(|year| year.parse().ok()).is_some_and(is_year) => Err(format!(
            "a date and a time? Write a T between them. Or seconds, or parts of them? Write @{text} for seconds, or {text}ns, us, ms"
        )),
        9..=17 => Err(format!("seconds, or parts of them? Write @{text} for seconds, or {text}ns, us, ms")),
        _ => Ok(number),
    }
}

/// What is left of a text.
struct Rest<'a>(&'a str);

impl Rest<'_> {
    /// Takes so many digits, as a number.
    fn digits(&mut self, count: usize) -> Option<u64> {
        let (digits, rest) = self.0.split_at_checked(count)?;
        let number = digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())??;
        self.0 = rest;
        Some(number)
    }

    /// Takes two digits, which are below `end`.
    fn two(&mut self, end: u64, what: &str) -> Result<u64, String> {
        match self.digits(2) {
            Some(number) if number < end => Ok(number),
            Some(_) => Err(format!("{what} go from 00 to {}", end.saturating_sub(1))),
            None => Err(NO_TIME.into()),
        }
    }

    /// Takes this character, if it is the next one.
    fn take(&mut self, character: char) -> bool {
        let rest = self.0.strip_prefix(character);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    fn skip(&mut self) {
        let mut characters = self.0.chars();
        characters.next();
        self.0 = characters.as_str();
    }

    fn begins_with_digit(&self) -> bool {
        self.0.starts_with(|character: char| character.is_ascii_digit())
    }
}

/// A date, with hyphens or without: days since 1970.
fn date(rest: &mut Rest<'_>) -> Result<i64, String> {
    let no_time = || NO_TIME.to_owned();
    let year = match (rest.take('+'), rest.take('-')) {
        (false, false) => i64::try_from(rest.digits(4).ok_or_else(no_time)?),
        (true, false) => i64::try_from(rest.digits(6).ok_or_else(no_time)?),
        (false, true) => i64::try_from(rest.digits(6).ok_or_else(no_time)?).map(|year| -year),
        (true, true) => return Err(no_time()),
    };
    let has_hyphens = rest.take('-');
    let month = rest.digits(2).ok_or_else(no_time)?;
    if rest.take('-') != has_hyphens {
        return Err(no_time());
    }
    let day = rest.digits(2).ok_or_else(no_time)?;
    let (month, day) = (i8::try_from(month).unwrap_or(0), i8::try_from(day).unwrap_or(0));
    let year = year.unwrap_or(i64::MAX);
    // The calendar repeats every 400 years; what is far off is refused in any case.
    let same = i16::try_from(year.rem_euclid(400) + 2000).unwrap_or(2000);
    let date = Date::new(same, month, day).map_err(|_| "there is no such day".to_owned())?;
    if year > 2554 {
        return Err(BEYOND.into());
    }
    if year < 1969 {
        return Err("before 1970".into());
    }
    let of_same = date.duration_since(Date::constant(1970, 1, 1)).as_secs() / DAY;
    Ok(of_same + (year - i64::from(same)) / 400 * 146_097)
}

/// A time of day, with colons or without: nanoseconds since midnight.
fn time_of_day(rest: &mut Rest<'_>) -> Result<u64, String> {
    let hour = rest.two(24, "hours")?;
    let (mut minute, mut second, mut nanoseconds) = (0, 0, 0);
    let has_colons = rest.take(':');
    if has_colons || rest.begins_with_digit() {
        minute = rest.two(60, "minutes")?;
        let has_seconds = if has_colons { rest.take(':') } else { rest.begins_with_digit() };
        if has_seconds {
            second = rest.two(60, "seconds")?; // a leap second would be taken for the one before
            if rest.take('.') || rest.take(',') {
                nanoseconds = fraction(rest)?;
            }
        }
    }
    Ok(((hour * 60 + minute) * 60 + second) * NS + nanoseconds)
}

/// A fraction of a second, in nanoseconds.
fn fraction(rest: &mut Rest<'_>) -> Result<u64, String> {
    let end = rest.0.find(|character: char| !character.is_ascii_digit()).unwrap_or(rest.0.len());
    let (digits, behind) = rest.0.split_at_checked(end).ok_or(NO_TIME)?;
    if digits.is_empty() {
        return Err(NO_TIME.into());
    }
    let digits = digits.trim_end_matches('0');
    if digits.len() > 9 {
        return Err("finer than a nanosecond".into());
    }
    rest.0 = behind;
    format!("{digits:0<9}").parse().map_err(|_| NO_TIME.to_owned())
}

/// An offset from UTC, in seconds; none is UTC. Nothing comes after it.
fn offset(rest: &mut Rest<'_>) -> Result<i64, String> {
    if matches!(rest.0, "" | "Z" | "z") {
        return Ok(0);
    }
    let sign = match (rest.take('+'), rest.take('-')) {
        (true, false) => 1,
        (false, true) => -1,
        _ => return Err(NO_TIME.into()),
    };
    let wrong = |_| "an offset from UTC goes from -23:59 to +23:59".to_owned();
    let hours = rest.two(24, "").map_err(wrong)?;
    let has_minutes = rest.take(':') || rest.begins_with_digit();
    let minutes = if has_minutes { rest.two(60, "").map_err(wrong)? } else { 0 };
    if !rest.0.is_empty() {
        return Err(NO_TIME.into());
    }
    i64::try_from((hours * 60 + minutes) * 60).map(|offset| sign * offset).map_err(|_| NO_TIME.to_owned())
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

    /// Every form, and what it is; `Err`: it is refused.
    #[test]
    fn every_form_is_read_as_what_it_is_or_refused() {
        const DAY_NS: u64 = DAY as u64 * NS;
        const NOV_21: u64 = 1_795_219_200 * NS;
        let at = |hour: u64, minute: u64, second: u64| Ok(NOV_21 + ((hour * 60 + minute) * 60 + second) * NS);
        let refused = Err(());
        for (text, expected) in [
            ("2026-11-21", at(0, 0, 0)),
            ("20261121", at(0, 0, 0)),
            ("+002026-11-21", at(0, 0, 0)),
            ("+0020261121", at(0, 0, 0)),
            ("2026-11-21T05:02:27", at(5, 2, 27)),
            ("2026-11-21t05:02:27z", at(5, 2, 27)),
            ("2026-11-21 05:02:27", at(5, 2, 27)),
            ("2026-11-21 05:02:27Z", at(5, 2, 27)),
            ("20261121T050227", at(5, 2, 27)),
            ("20261121T050227Z", at(5, 2, 27)),
            ("20261121 050227", at(5, 2, 27)),
            ("20261121T05:02:27", at(5, 2, 27)),
            ("2026-11-21T050227", at(5, 2, 27)),
            ("+002026-11-21T05:02:27Z", at(5, 2, 27)),
            ("+0020261121T050227Z", at(5, 2, 27)),
            ("20261121T0502", at(5, 2, 0)),
            ("20261121T0502Z", at(5, 2, 0)),
            ("2026-11-21T05", at(5, 0, 0)),
            ("20261121T05Z", at(5, 0, 0)),
            ("2026-11-21T05:02:27+00:00", at(5, 2, 27)),
            ("2026-11-21T05:02:27-00:00", at(5, 2, 27)),
            ("2026-11-21T06:02:27+01:00", at(5, 2, 27)),
            ("20261121T060227+0100", at(5, 2, 27)),
            ("20261121T060227+01", at(5, 2, 27)),
            ("2026-11-21T04:32-00:30", at(5, 2, 0)),
            ("2026-11-22T05:01:27+23:59", at(5, 2, 27)),
            ("2026-11-20T05:03:27-23:59", at(5, 2, 27)),
            ("2026-11-21T23:59:59", at(23, 59, 59)),
            ("2024-02-29", Ok(NOV_21 - 996 * DAY_NS)),
            ("1970-01-01", Ok(0)),
            ("19700101", Ok(0)),
            ("1969-12-31T23:00:00-01:00", Ok(0)),
            ("2026-11-21T05:02:60", refused),
            ("2026-11-21T05:02:60Z", refused),
            ("2026-11-21T23:59:60Z", refused),
            ("20261121T050260", refused),
            ("20261121T050260Z", refused),
            ("20261121T235960Z", refused),
            ("20261121 235960", refused),
            ("+002026-11-21T23:59:60Z", refused),
            ("2026-11-21T23:59:60+01:00", refused),
            ("20261121T060260+0100", refused),
            ("2026-11-21T24:00:00", refused),
            ("2026-11-21T05:60:00", refused),
            ("2026-11-21T05:02:27+24:00", refused),
            ("2026-11-21T05:02:27+25:00", refused),
            ("20261121T050227+2500", refused),
            ("2026-11-21T05:02:27-24", refused),
            ("2026-11-21T05:02:27+01:60", refused),
            ("2026-11-21T05:02:27+01:00:30", refused),
            ("2026-11-21T05:02:27 +01:00", refused),
            ("2026-11-21T05:02:27+01:00[Europe/Berlin]", refused),
            ("2026-11-21Z", refused),
            ("2026-11-21+01:00", refused),
            ("2026-1121", refused),
            ("202611-21", refused),
            ("2026-02-29", refused),
            ("20260229", refused),
            ("20261321", refused),
            ("99999999", refused),
            ("00000000", refused),
            ("-002026-11-21", refused),
            ("+2026-11-21", refused),
            ("+12026-11-21", refused),
            ("12026-11-21", refused),
            ("+012026-11-21", refused),
            ("2026", refused),
            ("202611", refused),
            ("2026325", refused),
            ("202611210502", refused),
            ("20261121050227", refused),
            ("179526978", refused),
            ("1795269780", refused),
            ("2026-W47-6", refused),
            ("2026-325", refused),
            (" 2026-11-21", refused),
            ("2026-11-21 ", refused),
            ("2026-11-21T05:02:27.", refused),
            ("2026-11-21T05:02.5", refused),
            ("2026-11-21T05:02:27.0000000001", refused),
            ("now", refused),
            ("tomorrow", refused),
            ("٢٠٢٦-11-21", refused),
        ] {
            assert_eq!(parse(text).map_err(drop), expected, "{text}");
        }
    }

    #[test]
    fn what_a_bare_number_could_be_is_said() {
        let told = |text: &str| parse(text).unwrap_err();
        assert_eq!(told("2026"), "a year? Write @2026 for seconds, 2026ns for nanoseconds");
        assert!(told("20261321").starts_with("a date that there is not"), "{}", told("20261321"));
        assert!(told("202611210502").starts_with("a date and a time? Write a T"), "{}", told("202611210502"));
        assert_eq!(told("2026-11-21T05:02:27+25:00"), "an offset from UTC goes from -23:59 to +23:59");
    }
}
