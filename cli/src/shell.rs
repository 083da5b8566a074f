//! File names in printed commands: quoted so that a shell takes each as one argument, unchanged.

use crate::failure::is_obeyed;
use std::borrow::Cow;
use std::path::Path;

/// The name as an argument, quoted if it needs that. `None` where a command could not name it: its bytes are not UTF-8.
///
/// The result is harmless on a terminal too: control characters are escaped, by `$'...'`, which bash, zsh and ksh
/// read. A name that begins with a hyphen gets `./` before it.
///
/// ```
/// use aof_cli::shell::quoted;
/// assert_eq!(quoted("logs/r0.aof").as_deref(), Some("logs/r0.aof"));
/// assert_eq!(quoted("my log's.aof").as_deref(), Some(r"'my log'\''s.aof'"));
/// assert_eq!(quoted("-o").as_deref(), Some("./-o"));
/// assert_eq!(quoted("a\nb").as_deref(), Some(r"$'a\012b'"));
/// assert_eq!(quoted("\u{fffd}"), None);
/// ```
#[must_use]
pub fn quoted(name: &str) -> Option<String> {
    // A name is converted with loss before it comes here: this character stands for what was lost.
    if name.contains('\u{fffd}') {
        return None;
    }
    let name: Cow<'_, str> = if name.starts_with('-') { format!("./{name}").into() } else { name.into() };
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._/-+=:,@%".contains(&byte);
    if !name.is_empty() && name.bytes().all(is_plain) {
        return Some(name.into_owned());
    }
    if !name.chars().any(is_obeyed) {
        return Some(format!("'{}'", name.replace('\'', r"'\''")));
    }
    let mut text = String::from("$'");
    for character in name.chars() {
        match character {
            '\'' | '\\' => text.extend(['\\', character]),
            _ if is_obeyed(character) => {
                let mut bytes = [0; 4];
                for byte in character.encode_utf8(&mut bytes).bytes() {
                    text.push_str(&format!("\\{byte:03o}"));
                }
            }
            _ => text.push(character),
        }
    }
    text.push('\'');
    Some(text)
}

/// The file as an argument, or `FILE` where a command could not name it.
#[must_use]
pub fn argument(file: &Path) -> String {
    file.to_str().and_then(quoted).unwrap_or_else(|| "FILE".into())
}
