//! Sizes as people type them: `262144`, `256KiB`, `"1 MiB"`.

/// Reads a size, in bytes: a whole number, alone or with `KiB`, `MiB` or `GiB`, in any case. `K` and `KB` are
/// 1000 to some and 1024 to others, so they are refused.
///
/// # Errors
///
/// What is wrong, in words.
pub fn parse(text: &str) -> Result<u64, String> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let shift = match unit.strip_prefix(' ').unwrap_or(unit).to_ascii_lowercase().as_str() {
        "" if unit.is_empty() => 0,
        "b" | "bytes" => 0,
        "kib" => 10,
        "mib" => 20,
        "gib" => 30,
        "k" | "m" | "g" | "kb" | "mb" | "gb" => {
            return Err(format!("{unit} may be of 1000 or of 1024: write KiB, MiB or GiB, or bytes alone"));
        }
        _ => return Err("a size is a number of bytes, or a number with KiB, MiB or GiB (256KiB)".into()),
    };
    let number: u64 = number.parse().map_err(|_| match digits {
        0 => "a size begins with a digit".to_owned(),
        _ => "beyond 2^64 - 1 bytes".to_owned(),
    })?;
    number.checked_mul(1 << shift).ok_or_else(|| "beyond 2^64 - 1 bytes".to_owned())
}

/// Reads the largest size of a message: 256 bytes, its header alone, to 1 GiB.
///
/// # Errors
///
/// What is wrong, in words.
pub fn parse_message(text: &str) -> Result<u32, String> {
    let size = parse(text)?;
    match u32::try_from(size) {
        Ok(size @ 256..=0x4000_0000) => Ok(size),
        _ => Err(format!("{size} is not in 256..=1073741824 bytes (1 GiB)")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_bytes_or_have_a_binary_unit() {
        for (text, size) in [
            ("0", 0),
            ("262144", 262_144),
            ("256KiB", 262_144),
            ("256 kib", 262_144),
            ("4MiB", 4 << 20),
            ("1 GiB", 1 << 30),
            ("17 bytes", 17),
        ] {
            assert_eq!(parse(text), Ok(size), "{text}");
        }
    }

    #[test]
    fn what_may_be_two_sizes_is_refused_and_said() {
        for text in ["4M", "4MB", "4k", "1 GB"] {
            assert!(parse(text).unwrap_err().contains("1000 or of 1024"), "{text}");
        }
        for text in [
            "",
            "MiB",
            "-1",
            "1.5MiB",
            "4 ",
            "4  MiB",
            "0x10",
            "99999999999999999999",
            "18014398509481984KiB",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn messages_have_limits() {
        assert_eq!(parse_message("1MiB"), Ok(1 << 20));
        assert_eq!(parse_message("256"), Ok(256));
        assert_eq!(parse_message("1GiB"), Ok(1 << 30));
        for text in ["255", "1073741825", "2GiB", "8 GiB"] {
            assert!(parse_message(text).unwrap_err().contains("is not in 256..=1073741824"), "{text}");
        }
    }
}
