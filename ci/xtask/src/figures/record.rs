//! Figures as text, and whether they have grown.
//!
//! One file a compiler in `ci/firmware/figures/recorded`, one figure a line: two compilers, or the same with
//! libraries built otherwise, do not make the same code.
//!
//! ```text
//! thumbv6m-none-eabi small verify-crc flash 3552
//! ```

use std::collections::BTreeMap;

/// Figures by name, such as `thumbv6m-none-eabi small verify-crc flash`.
pub(crate) type Figures = BTreeMap<String, u64>;

/// How much a figure may grow unnoticed: per cent, and bytes or instructions; the larger counts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slack {
    per_cent: u64,
    least: u64,
}

impl Slack {
    /// For figures of the same compiler.
    pub(crate) const SAME: Self = Self { per_cent: 2, least: 64 };
    /// For figures of another compiler.
    pub(crate) const OTHER: Self = Self { per_cent: 25, least: 512 };

    fn top(self, recorded: u64) -> u64 {
        recorded + self.least.max(recorded * self.per_cent / 100)
    }
}

/// The recorded text of figures.
pub(crate) fn write(figures: &Figures) -> String {
    figures.iter().map(|(name, figure)| format!("{name} {figure}\n")).collect()
}

/// Figures from their recorded text; the first line that is none.
pub(crate) fn read(text: &str) -> Result<Figures, String> {
    let line = |line: &str| {
        let (name, figure) = line.rsplit_once(' ')?;
        Some((name.to_owned(), figure.parse().ok()?))
    };
    text.lines().map(|text| line(text).ok_or_else(|| text.to_owned())).collect()
}

/// What has grown, is new or is gone, a line each.
pub(crate) fn differences(recorded: &Figures, measured: &Figures, slack: Slack) -> Vec<String> {
    let mut lines = Vec::new();
    for (name, &figure) in measured {
        match recorded.get(name) {
            None => lines.push(format!("{name}: {figure}, and nothing is recorded")),
            Some(&before) if figure > slack.top(before) => {
                let growth = figure - before;
                lines.push(format!(
                    "{name}: {figure}, recorded are {before}: {growth} more, and {} may be",
                    slack.top(before) - before
                ));
            }
            Some(_) => {}
        }
    }
    let gone = recorded.keys().filter(|name| !measured.contains_key(*name));
    lines.extend(gone.map(|name| format!("{name}: recorded, and no longer measured")));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(figure: u64) -> Figures {
        Figures::from([("a flash".to_owned(), figure)])
    }

    #[test]
    fn text_is_read_as_it_was_written() {
        assert_eq!(read(&write(&figures(7))), Ok(figures(7)));
        assert_eq!(read("a flash x"), Err("a flash x".to_owned()));
    }

    #[test]
    fn growth_beyond_the_slack_is_told() {
        assert_eq!(differences(&figures(100), &figures(164), Slack::SAME), [""; 0]);
        assert_eq!(differences(&figures(100), &figures(20), Slack::SAME), [""; 0]);
        let grown = differences(&figures(100), &figures(165), Slack::SAME);
        assert_eq!(grown, ["a flash: 165, recorded are 100: 65 more, and 64 may be"]);
        assert_eq!(differences(&figures(10_000), &figures(10_200), Slack::SAME), [""; 0]);
        assert_eq!(differences(&figures(10_000), &figures(10_201), Slack::SAME).len(), 1);
    }

    #[test]
    fn figures_new_and_gone_are_told() {
        assert_eq!(differences(&Figures::new(), &figures(1), Slack::SAME).len(), 1);
        assert_eq!(differences(&figures(1), &Figures::new(), Slack::SAME).len(), 1);
    }
}
