//! Text in a page: [`Escaped`].

use std::fmt::{self, Write as _};

/// Text that is shown and never obeyed, in an element or in a quoted attribute. What a terminal obeys has been
/// escaped before, see [`shown`](crate::failure::shown): changes of direction would confuse a page too.
#[derive(Clone, Copy, Debug)]
pub struct Escaped<T>(pub T);

impl<T: fmt::Display> fmt::Display for Escaped<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(Escaping(f), "{}", self.0)
    }
}

struct Escaping<'a, 'b>(&'a mut fmt::Formatter<'b>);

impl fmt::Write for Escaping<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            match character {
                '&' => self.0.write_str("&amp;")?,
                '<' => self.0.write_str("&lt;")?,
                '>' => self.0.write_str("&gt;")?,
                '"' => self.0.write_str("&quot;")?,
                '\'' => self.0.write_str("&#39;")?,
                other => self.0.write_char(other)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_is_text() {
        assert_eq!(Escaped("a<b>\"c\"&'d'").to_string(), "a&lt;b&gt;&quot;c&quot;&amp;&#39;d&#39;");
        assert_eq!(Escaped("plain é 漢").to_string(), "plain é 漢");
    }
}
