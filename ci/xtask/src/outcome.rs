//! How a step ends.

/// A step passed. Parts of it may have been left out.
#[derive(Debug, Default)]
pub(crate) struct Done {
    left_out: Vec<String>,
}

impl Done {
    /// Notes a part that did not run, and why.
    pub(crate) fn left_out(&mut self, what: impl Into<String>) {
        self.left_out.push(what.into());
    }
}

/// Why a step did not pass. The message says what, where and what to do.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The check found something.
    Failed(String),
    /// The check could not be made here.
    NotRun(String),
}

impl Stop {
    /// A failure, as an error for `?`.
    pub(crate) fn failed<T>(message: impl Into<String>) -> Result<T, Self> {
        Err(Self::Failed(message.into()))
    }
}

/// What became of a step.
#[derive(Debug)]
pub(crate) enum Outcome {
    Passed(Done),
    Failed(String),
    NotRun(String),
}

impl Outcome {
    /// Judges a step; with `strict`, one that could not run has failed.
    pub(crate) fn of(result: Result<Done, Stop>, strict: bool) -> Self {
        match result {
            Ok(done) => Self::Passed(done),
            Err(Stop::NotRun(why)) if strict => {
                Self::Failed(format!("could not run, which AOF_CI_STRICT=1 forbids: {why}"))
            }
            Err(Stop::NotRun(why)) => Self::NotRun(why),
            Err(Stop::Failed(why)) => Self::Failed(why),
        }
    }

    /// The outcome in the table.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Passed(_) => "passed",
            Self::Failed(_) => "FAILED",
            Self::NotRun(_) => "NOT RUN",
        }
    }

    /// The outcome that [`Self::word`] and [`Self::lines_kept`] describe.
    pub(crate) fn from_parts(word: &str, lines: &[String]) -> Option<Self> {
        let (left_out, why) = (lines.to_owned(), lines.join("\n"));
        let outcomes = [Self::Passed(Done { left_out }), Self::Failed(why.clone()), Self::NotRun(why)];
        outcomes.into_iter().find(|outcome| outcome.word() == word)
    }

    /// Its texts: what was left out, or the lines of the reason.
    pub(crate) fn lines_kept(&self) -> Vec<String> {
        match self {
            Self::Passed(done) => done.left_out.clone(),
            Self::Failed(why) | Self::NotRun(why) => why.lines().map(str::to_owned).collect(),
        }
    }

    /// What there is to say beyond that.
    pub(crate) fn lines(&self) -> Vec<String> {
        match self {
            Self::Passed(done) => done.left_out.iter().map(|what| format!("LEFT OUT: {what}")).collect(),
            Self::Failed(_) | Self::NotRun(_) => self.lines_kept(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_not_run_is_a_failure_only_if_strict() {
        let result = || Err(Stop::NotRun("no emulator".into()));
        assert_eq!(Outcome::of(result(), false).word(), "NOT RUN");
        let strict = Outcome::of(result(), true);
        assert_eq!(strict.word(), "FAILED");
        assert!(strict.lines()[0].ends_with("no emulator"));
        assert_eq!(Outcome::of(Stop::failed("broken"), false).word(), "FAILED");
    }

    #[test]
    fn parts_left_out_are_told() {
        let mut done = Done::default();
        done.left_out("an old toolchain");
        let outcome = Outcome::of(Ok(done), true);
        assert_eq!((outcome.word(), outcome.lines()), ("passed", vec!["LEFT OUT: an old toolchain".into()]));
    }
}
