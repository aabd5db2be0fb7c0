//! What a group is for, in a few words of its staff.
//!
//! Must not know which group.

use std::sync::Arc;

/// Longest description, in characters.
pub const MAX_DESCRIPTION: usize = 1024;

/// A text that is not empty, of at most [`MAX_DESCRIPTION`] characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description(Arc<str>);

impl Description {
    /// The description that a text is; nothing is none.
    ///
    /// # Errors
    /// The text is too long.
    pub fn read(text: &str) -> Result<Option<Self>, DescriptionTooLong> {
        if text.chars().count() > MAX_DESCRIPTION {
            return Err(DescriptionTooLong);
        }
        Ok((!text.is_empty()).then(|| Self(text.into())))
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// More than a few words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a description has at most {MAX_DESCRIPTION} characters")]
pub struct DescriptionTooLong;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds() {
        assert_eq!(Description::read(""), Ok(None));
        for right in ["x", " ", "für Ada\n", &"é".repeat(MAX_DESCRIPTION)] {
            let read = Description::read(right).unwrap();
            assert_eq!(read.as_ref().map(Description::as_str), Some(right));
        }
        assert_eq!(Description::read(&"é".repeat(MAX_DESCRIPTION + 1)), Err(DescriptionTooLong));
    }
}
