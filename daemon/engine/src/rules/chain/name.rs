//! Names of series as chains match and change them. A name is the identifier's text, so whatever was changed
//! reads back as every other identifier does.

use std::borrow::Cow;

use gatherd_model::MAX_NAME;
use regex::{NoExpand, Regex};

use crate::series::Parts;

/// Regular expressions on the parts of an identifier.
#[derive(Debug)]
pub struct NameMatch {
    /// Host, plugin, plugin instance, type, type instance; any for `None`.
    pub parts: [Option<Regex>; 5],
    /// What all expressions match does not match, all else does.
    pub invert: bool,
}

impl NameMatch {
    /// Whether it matches the identifier with this text.
    pub fn admits(&self, text: &str) -> bool {
        let mut both = self.parts.iter().zip(fields(&Parts::of(text)));
        both.all(|(expression, part)| expression.as_ref().is_none_or(|it| it.is_match(part))) != self.invert
    }
}

/// Other texts for the parts of an identifier; the type stays.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SetName {
    /// Host, plugin, plugin instance, type instance, with places such as `%{host}`; as it was for `None`.
    pub parts: [Option<Box<str>>; 4],
}

impl SetName {
    /// The name that it makes of another; `None` where that is no name.
    pub fn apply(&self, text: &str) -> Option<String> {
        let before = fields(&Parts::of(text));
        change(text, |at, part| match &self.parts[at] {
            Some(wanted) => filled(wanted, &before),
            None => part.to_owned(),
        })
    }
}

/// What is replaced in the parts of an identifier; the type stays.
#[derive(Debug, Default)]
pub struct ReplaceName {
    /// For host, plugin, plugin instance and type instance: what is searched for, and what stands there then.
    pub parts: [Option<(Regex, Box<str>)>; 4],
}

impl ReplaceName {
    /// The name that it makes of another; `None` where that is no name.
    pub fn apply(&self, text: &str) -> Option<String> {
        change(text, |at, part| match &self.parts[at] {
            Some((searched, with)) => {
                let replaced = searched.replace(part, NoExpand(with));
                // As in collectd, host and plugin stay where nothing would be left of them.
                if replaced.is_empty() && at < 2 { part.to_owned() } else { replaced.into_owned() }
            }
            None => part.to_owned(),
        })
    }
}

fn fields<'a>(parts: &Parts<'a>) -> [&'a str; 5] {
    let Parts { host, plugin, plugin_instance, type_name, type_instance } = *parts;
    [host, plugin, plugin_instance, type_name, type_instance]
}

/// Makes host, plugin, plugin instance and type instance anew; parts that are too long are cut, as in collectd.
fn change(text: &str, mut part: impl FnMut(usize, &str) -> String) -> Option<String> {
    let [host, plugin, plugin_instance, type_name, type_instance] = fields(&Parts::of(text));
    let mut made = [host, plugin, plugin_instance, type_instance].map(String::from);
    for (at, text) in made.iter_mut().enumerate() {
        *text = part(at, text);
        text.truncate(text.floor_char_boundary(MAX_NAME));
    }
    let [host, plugin, plugin_instance, type_instance] = &made;
    let parts = Parts { host, plugin, plugin_instance, type_name, type_instance };
    let mut changed = String::new();
    // An empty host stays empty here, and is then no name.
    parts.write_text("", &mut changed).ok()?;
    Some(changed)
}

/// Fills `%{host}`, `%{plugin}`, `%{plugin_instance}`, `%{type}` and `%{type_instance}` in.
fn filled(text: &str, parts: &[&str; 5]) -> String {
    let filled = fill(text, |place| {
        let names = ["host", "plugin", "plugin_instance", "type", "type_instance"];
        let at = names.iter().position(|name| *name == place)?;
        Some(parts[at].to_owned())
    });
    filled.into_owned()
}

/// Puts a text into each place `%{…}` that `known` has one for; others stay as they are.
pub fn fill(text: &str, known: impl Fn(&str) -> Option<String>) -> Cow<'_, str> {
    if !text.contains("%{") {
        return Cow::Borrowed(text);
    }
    let (mut filled, mut rest) = (String::new(), text);
    while let Some((before, behind)) = rest.split_once("%{") {
        filled.push_str(before);
        let place = behind.split_once('}').and_then(|(place, after)| Some((known(place)?, after)));
        if let Some((put, after)) = place {
            filled.push_str(&put);
            rest = after;
        } else {
            filled.push_str("%{");
            rest = behind;
        }
    }
    filled.push_str(rest);
    Cow::Owned(filled)
}
