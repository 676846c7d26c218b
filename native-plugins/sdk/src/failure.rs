//! Why a call of a plugin did not work.

use std::borrow::Cow;
use std::fmt;
use std::io;

/// Why a call of a plugin did not work, in words for the operator.
///
/// Its text is whole, cause included, because it crosses to the daemon as text.
#[derive(Debug)]
pub struct Failure {
    step: Cow<'static, str>,
    cause: Option<io::Error>,
}

impl Failure {
    /// A failure in the plugin's own words.
    pub fn new(reason: impl Into<Cow<'static, str>>) -> Self {
        Self { step: reason.into(), cause: None }
    }

    /// A failure of the operating system at `step`, such as `read /proc/stat`.
    pub fn io(step: impl Into<Cow<'static, str>>, cause: io::Error) -> Self {
        Self { step: step.into(), cause: Some(cause) }
    }

    /// What the operating system said, where it was asked.
    pub fn cause(&self) -> Option<&io::Error> {
        self.cause.as_ref()
    }

    pub(crate) fn not_supported(what: &'static str) -> Self {
        Self::new(format!("this plugin has no {what}, though its capabilities say so"))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.cause {
            None => f.write_str(&self.step),
            Some(cause) if self.step.is_empty() => write!(f, "{cause}"),
            Some(cause) => write!(f, "cannot {}: {cause}", self.step),
        }
    }
}

impl std::error::Error for Failure {}

impl From<io::Error> for Failure {
    /// Better is [`Failure::io`], which also names the step.
    fn from(cause: io::Error) -> Self {
        Self::io("", cause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_names_step_and_cause() {
        let cause = || io::Error::from_raw_os_error(2);
        assert_eq!(
            Failure::io("read /proc/stat", cause()).to_string(),
            "cannot read /proc/stat: No such file or directory (os error 2)"
        );
        assert_eq!(Failure::from(cause()).to_string(), "No such file or directory (os error 2)");
        assert_eq!(Failure::new("no battery").to_string(), "no battery");
    }
}
