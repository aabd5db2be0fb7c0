//! How an error is told to whoever started the program: what failed, what to do, and below it why, each cause once.
//!
//! Must not know any command.

use std::fmt::Write as _;

use anyhow::Error;

/// The error with its causes, a line each. A cause that an error above it has told already is left out.
pub(super) fn tell(error: &Error) -> String {
    let mut told = error.to_string();
    for cause in error.chain().skip(1) {
        let cause = cause.to_string();
        if !told.contains(&cause) {
            // Writing to a String never fails.
            let _ = write!(told, "\n  because: {cause}");
        }
    }
    told
}

/// Several mistakes as one error: a single one as it is, more below a headline.
pub(super) fn all(headline: &str, mistakes: &[Error]) -> Error {
    listed(headline, &mistakes.iter().map(tell).collect::<Vec<_>>())
}

/// The same of mistakes that were told already.
pub(super) fn listed(headline: &str, told: &[String]) -> Error {
    if let [told] = told {
        return Error::msg(told.clone());
    }
    let listed: Vec<String> = told.iter().map(|told| format!("- {told}")).collect();
    Error::msg(format!("{headline}:\n{}", listed.join("\n")))
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("the file cannot be written: {0}")]
    struct TellsItsCause(#[source] io::Error);

    #[derive(Debug, thiserror::Error)]
    #[error("the change was not made; try again")]
    struct HidesItsCause(#[source] TellsItsCause);

    #[test]
    fn every_cause_once() {
        let error = Error::new(HidesItsCause(TellsItsCause(io::Error::other("no room"))));
        assert_eq!(
            tell(&error.context("ada is not put in staff")),
            "ada is not put in staff\n  because: the change was not made; try again\n  because: the file cannot be \
             written: no room"
        );
        assert_eq!(tell(&Error::msg("alone")), "alone");
    }

    #[test]
    fn one_mistake_needs_no_headline() {
        let caused = || Error::new(TellsItsCause(io::Error::other("no room")));
        let one = all("mistakes", &[caused()]);
        assert_eq!(one.to_string(), "the file cannot be written: no room");
        let two = all("mistakes", &[Error::msg("a"), Error::msg("b").context("c")]);
        assert_eq!(two.to_string(), "mistakes:\n- a\n- c\n  because: b");
    }
}
