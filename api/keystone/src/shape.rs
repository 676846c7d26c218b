//! Whether a text can be a token of Keystone at all: what cannot is refused before anything is asked.

use crate::offline::Signed;

/// Longest token that is looked at, in bytes.
const LONGEST: usize = 8 * 1024;

/// Shortest fernet token, in characters: version, time, vector, one block and signature (73 bytes) as base64.
const SHORTEST: usize = 98;

/// How a token is made.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Shape {
    /// Encrypted by Keystone; nobody else can read it.
    Fernet,
    /// Signed by Keystone with ES256.
    Jws,
}

impl Shape {
    /// The shape of a token; `None` when no Keystone can have made it.
    pub(crate) fn of(token: &str) -> Option<Self> {
        if token.len() > LONGEST {
            return None;
        }
        // A fernet token begins with its version, 0x80, and the upper bytes of a time.
        if token.starts_with("gAAAA") {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_=".contains(&byte);
            return (token.len() >= SHORTEST && token.bytes().all(plain)).then_some(Self::Fernet);
        }
        Signed::read(token).map(|_| Self::Jws)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_no_keystone_made_is_refused_unasked() {
        let fernet = format!("gAAAA{}", "x".repeat(200));
        assert_eq!(Shape::of(&fernet), Some(Shape::Fernet));
        let long = format!("gAAAA{}", "x".repeat(9_000));
        let spaced = format!("gAAAA{} {}", "x".repeat(100), "x".repeat(100));
        for token in ["", "gAAAA", "garbage", "a.b.c", "..", &long, &spaced, &"[".repeat(200_000)] {
            assert_eq!(Shape::of(token), None, "{token:.20}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".{0,300}") {
            let _shape = Shape::of(&text);
        }
    }
}
