//! What is said of a threshold, as a text with places for facts: `{host}: {data_source} is {value:.1}`.

/// Longest template, in bytes.
pub const MAX_TEMPLATE: usize = 1024;

/// A fact that a text can name.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fact {
    /// The whole identifier.
    Identifier,
    /// Part of the identifier.
    Host,
    /// Part of the identifier.
    Plugin,
    /// Part of the identifier.
    PluginInstance,
    /// Part of the identifier.
    Type,
    /// Part of the identifier.
    TypeInstance,
    /// Name of the data source.
    DataSource,
    /// What was compared: the value, its percentage, or what the window makes of it.
    Value,
    /// The newest value as it is.
    Current,
    /// The bound that was crossed.
    Bound,
    /// `okay`, `warning` or `failure`.
    Severity,
    /// The state before.
    Before,
    /// The threshold's id.
    Threshold,
    /// The window's length in seconds; 0 without one.
    Window,
}

impl Fact {
    /// All facts with the words that name them.
    pub const ALL: [(&'static str, Self); 14] = [
        ("identifier", Self::Identifier),
        ("host", Self::Host),
        ("plugin", Self::Plugin),
        ("plugin_instance", Self::PluginInstance),
        ("type", Self::Type),
        ("type_instance", Self::TypeInstance),
        ("data_source", Self::DataSource),
        ("value", Self::Value),
        ("current", Self::Current),
        ("bound", Self::Bound),
        ("severity", Self::Severity),
        ("before", Self::Before),
        ("threshold", Self::Threshold),
        ("window", Self::Window),
    ];

    fn is_number(self) -> bool {
        matches!(self, Self::Value | Self::Current | Self::Bound | Self::Window)
    }
}

/// Why a text is no template.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum TemplateError {
    /// Empty, or longer than a template may be.
    #[error("a message has 1 to {MAX_TEMPLATE} bytes")]
    Length,
    /// A brace that does not belong to another.
    #[error("a brace stands alone; write `{{{{` or `}}}}` for a brace of the text")]
    Brace,
    /// Nobody knows this fact.
    #[error("there is no fact {0:?}; known are {names}", names = names())]
    Unknown(String),
    /// Digits are not asked for as `.0` to `.17`, or of a fact that is no number.
    #[error("{0:?} is no format: `.0` to `.17` behind a number tells how many digits follow the point")]
    Format(String),
}

fn names() -> String {
    Fact::ALL.map(|(name, _)| name).join(", ")
}

/// A piece of a template.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Piece {
    /// Text as it is.
    Text(Box<str>),
    /// A fact, and how many digits follow its point; as many as needed for `None`.
    Fact(Fact, Option<usize>),
}

/// A text with places for facts.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Template(Box<[Piece]>);

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    ///
    /// [`TemplateError`] when it is empty or too long, or names what nobody knows.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        if text.is_empty() || text.len() > MAX_TEMPLATE {
            return Err(TemplateError::Length);
        }
        let (mut pieces, mut plain, mut rest) = (Vec::new(), String::new(), text);
        while let Some(at) = rest.find(['{', '}']) {
            let (before, from) = rest.split_at(at);
            plain.push_str(before);
            if let Some(behind) = from.strip_prefix("{{").or_else(|| from.strip_prefix("}}")) {
                plain.push_str(&from[..1]);
                rest = behind;
                continue;
            }
            let inner = from.strip_prefix('{').and_then(|inner| inner.split_once('}'));
            let (place, behind) = inner.ok_or(TemplateError::Brace)?;
            if !plain.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut plain).into()));
            }
            pieces.push(fact(place)?);
            rest = behind;
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            pieces.push(Piece::Text(plain.into()));
        }
        Ok(Self(pieces.into()))
    }

    /// Its pieces, in order.
    pub fn pieces(&self) -> &[Piece] {
        &self.0
    }
}

fn fact(place: &str) -> Result<Piece, TemplateError> {
    let (name, format) = place.split_once(':').map_or((place, None), |(name, format)| (name, Some(format)));
    let known = Fact::ALL.iter().find(|(known, _)| *known == name);
    let (_, fact) = known.ok_or_else(|| TemplateError::Unknown(name.chars().take(32).collect()))?;
    let Some(format) = format else { return Ok(Piece::Fact(*fact, None)) };
    let digits = format.strip_prefix('.').and_then(|digits| digits.parse().ok());
    match digits.filter(|digits| *digits <= 17 && fact.is_number()) {
        Some(digits) => Ok(Piece::Fact(*fact, Some(digits))),
        None => Err(TemplateError::Format(place.chars().take(32).collect())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_template_is_taken_into_pieces() {
        let template = Template::parse("{{{host}}}: {value:.2} > {bound}").unwrap();
        assert_eq!(
            template.pieces(),
            [
                Piece::Text("{".into()),
                Piece::Fact(Fact::Host, None),
                Piece::Text("}: ".into()),
                Piece::Fact(Fact::Value, Some(2)),
                Piece::Text(" > ".into()),
                Piece::Fact(Fact::Bound, None),
            ]
        );
    }

    #[test]
    fn what_is_no_template_is_refused_by_name() {
        let refused = |text: &str| Template::parse(text).unwrap_err();
        assert_eq!(refused(""), TemplateError::Length);
        assert_eq!(refused(&"x".repeat(1025)), TemplateError::Length);
        assert_eq!(refused("{host"), TemplateError::Brace);
        assert_eq!(refused("host}"), TemplateError::Brace);
        assert_eq!(refused("{hots}"), TemplateError::Unknown("hots".into()));
        assert_eq!(refused("{value:.18}"), TemplateError::Format("value:.18".into()));
        assert_eq!(refused("{host:.1}"), TemplateError::Format("host:.1".into()));
        assert_eq!(refused("{value:x}"), TemplateError::Format("value:x".into()));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused_without_a_panic(text in ".{0,80}") {
            let _read = Template::parse(&text);
        }

        #[test]
        fn text_without_braces_is_one_piece(text in "[^{}]{1,80}") {
            let template = Template::parse(&text).unwrap();
            prop_assert_eq!(template.pieces(), [Piece::Text(text.into())]);
        }
    }
}
