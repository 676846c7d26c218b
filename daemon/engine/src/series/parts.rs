//! The parts of an identifier, borrowed; and the text they make.

use std::borrow::Cow;

use gatherd_model::{NameError, Part, check_part, escape_slashes};

/// The five parts of an identifier, borrowed for as long as somebody else keeps them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Parts<'a> {
    /// The machine; empty for the daemon's own name.
    pub host: &'a str,
    /// The plugin's name.
    pub plugin: &'a str,
    /// Which of several things; may be empty.
    pub plugin_instance: &'a str,
    /// The name of the data set.
    pub type_name: &'a str,
    /// Which of several series of that type; may be empty.
    pub type_instance: &'a str,
}

impl<'a> Parts<'a> {
    /// Takes the text of an identifier apart; empty parts where the text has not that form.
    pub fn of(text: &'a str) -> Self {
        let mut fields = text.splitn(3, '/');
        let mut next = || fields.next().unwrap_or_default();
        let (host, plugin, type_name) = (next(), next(), next());
        let (plugin, plugin_instance) = plugin.split_once('-').unwrap_or((plugin, ""));
        let (type_name, type_instance) = type_name.split_once('-').unwrap_or((type_name, ""));
        Self { host, plugin, plugin_instance, type_name, type_instance }
    }

    /// Writes the identifier's text into `text`, slashes escaped, `own_host` for an empty host.
    ///
    /// # Errors
    ///
    /// [`NameError`] when plugin or type is empty, or a part is too long or holds a control character.
    pub fn write_text(&self, own_host: &str, text: &mut String) -> Result<(), NameError> {
        text.clear();
        let host = if self.host.is_empty() { own_host } else { self.host };
        push(text, Part::Host, host, true)?;
        text.push('/');
        push_named(text, Part::Plugin, self.plugin, Part::PluginInstance, self.plugin_instance)?;
        text.push('/');
        push_named(text, Part::Type, self.type_name, Part::TypeInstance, self.type_instance)
    }
}

fn push_named(text: &mut String, part: Part, name: &str, of: Part, instance: &str) -> Result<(), NameError> {
    let begin = text.len();
    push(text, part, name, true)?;
    if !instance.is_empty() {
        text.push('-');
        return push(text, of, instance, false);
    }
    // An empty instance that the name itself announces is not written: it would not read back.
    if text[begin..].find('-').is_some_and(|dash| begin + dash + 1 == text.len()) {
        text.pop();
    }
    Ok(())
}

fn push(text: &mut String, part: Part, name: &str, needed: bool) -> Result<(), NameError> {
    check_part(part, name)?;
    let escaped: Cow<'_, str> = escape_slashes(name);
    // A name that begins with the separator would read back as an empty one.
    if needed && (escaped.is_empty() || (part != Part::Host && escaped.starts_with('-'))) {
        return Err(NameError::Empty(part));
    }
    text.push_str(&escaped);
    Ok(())
}
