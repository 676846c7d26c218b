//! Who a series is: `host/plugin[-plugin_instance]/type[-type_instance]`.
//!
//! The text form is the identity. Where a plugin name holds a `-`, the text can not say where the name ends,
//! so the first `-` always ends it: two identifiers are equal exactly when their texts are.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// Most bytes in one part of an identifier, without the terminating zero.
///
/// Source: collectd's `DATA_MAX_NAME_LEN` (128 with the zero).
pub const MAX_NAME: usize = 127;

/// Which part of an identifier an error speaks of.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Part {
    /// The machine that the series speaks of.
    Host,
    /// The plugin's name.
    Plugin,
    /// Which of several things that the plugin watches; may be empty.
    PluginInstance,
    /// The name of the data set.
    Type,
    /// Which of several series of that type; may be empty.
    TypeInstance,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Host => "host",
            Self::Plugin => "plugin",
            Self::PluginInstance => "plugin_instance",
            Self::Type => "type",
            Self::TypeInstance => "type_instance",
        })
    }
}

/// Why a text is no identifier, or no part of one.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NameError {
    /// A part that must say something is empty.
    #[error("the {0} of an identifier is empty")]
    Empty(Part),
    /// A part does not fit the field's limit.
    #[error("the {part} of an identifier has {length} bytes, at most {MAX_NAME} are allowed")]
    TooLong {
        /// Which part.
        part: Part,
        /// How many bytes it has.
        length: usize,
    },
    /// A part holds a byte that no protocol of the field can carry.
    #[error("the {part} of an identifier has a control character (byte {byte:#04x}) at position {position}")]
    Control {
        /// Which part.
        part: Part,
        /// The byte found.
        byte: u8,
        /// Where it stands, from 0.
        position: usize,
    },
    /// The text has not the form of an identifier.
    #[error("{0:?} is no identifier: host/plugin[-instance]/type[-instance] is wanted")]
    Form(String),
}

/// Who a series is. Parts are shared, so a clone costs five counters.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Identifier {
    /// The machine that the series speaks of; never empty.
    pub host: Arc<str>,
    /// The plugin's name; never empty, holds no `-`.
    pub plugin: Arc<str>,
    /// Which of several things that the plugin watches; may be empty.
    pub plugin_instance: Arc<str>,
    /// The name of the data set; never empty, holds no `-`.
    pub type_name: Arc<str>,
    /// Which of several series of that type; may be empty.
    pub type_instance: Arc<str>,
}

impl Identifier {
    /// Joins five parts, with slashes escaped as collectd does.
    ///
    /// # Errors
    ///
    /// [`NameError`] when host, plugin or type is empty, or a part is too long or holds a control character.
    pub fn new(
        host: &str,
        plugin: &str,
        plugin_instance: &str,
        type_name: &str,
        type_instance: &str,
    ) -> Result<Self, NameError> {
        let (plugin, plugin_instance) = named(Part::Plugin, plugin, Part::PluginInstance, plugin_instance)?;
        let (type_name, type_instance) = named(Part::Type, type_name, Part::TypeInstance, type_instance)?;
        let host = escaped(Part::Host, host)?;
        if host.is_empty() {
            return Err(NameError::Empty(Part::Host));
        }
        Ok(Self { host: host.into(), plugin, plugin_instance, type_name, type_instance })
    }
}

/// A name and its instance, escaped first and then split as the text form reads.
fn named(
    part: Part,
    name: &str,
    instance_part: Part,
    instance: &str,
) -> Result<(Arc<str>, Arc<str>), NameError> {
    let (name, instance) = (escaped(part, name)?, escaped(instance_part, instance)?);
    let (name, instance) = split_name(&name, &instance);
    if name.is_empty() {
        return Err(NameError::Empty(part));
    }
    Ok((name.into(), instance.into()))
}

fn escaped(part: Part, text: &str) -> Result<Cow<'_, str>, NameError> {
    check_part(part, text)?;
    Ok(escape_slashes(text))
}

/// Moves what follows the first `-` of a name in front of its instance, as the text form reads.
fn split_name<'a>(name: &'a str, instance: &'a str) -> (&'a str, Cow<'a, str>) {
    match name.split_once('-') {
        None => (name, Cow::Borrowed(instance)),
        Some((name, more)) if instance.is_empty() => (name, Cow::Borrowed(more)),
        Some((name, more)) => (name, Cow::Owned(format!("{more}-{instance}"))),
    }
}

/// Checks length and bytes of one part as it was given, before slashes are escaped.
///
/// # Errors
///
/// [`NameError::TooLong`] or [`NameError::Control`].
pub fn check_part(part: Part, text: &str) -> Result<(), NameError> {
    if text.len() > MAX_NAME {
        return Err(NameError::TooLong { part, length: text.len() });
    }
    match text.bytes().position(|byte| byte.is_ascii_control()) {
        None => Ok(()),
        Some(position) => Err(NameError::Control { part, byte: text.as_bytes()[position], position }),
    }
}

/// Takes the slashes out of one part: `/` alone is `root`, a leading one goes, others become `_`.
///
/// Source: behaviour of collectd's dispatch, see docs/collectd-differences.md for what is told apart.
pub fn escape_slashes(text: &str) -> Cow<'_, str> {
    if text == "/" {
        return Cow::Borrowed("root");
    }
    let text = text.strip_prefix('/').unwrap_or(text);
    if text.contains('/') { Cow::Owned(text.replace('/', "_")) } else { Cow::Borrowed(text) }
}

impl FromStr for Identifier {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let form = || NameError::Form(text.chars().take(5 * MAX_NAME).collect());
        let mut parts = text.splitn(3, '/');
        let (Some(host), Some(plugin), Some(type_name)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(form());
        };
        if type_name.contains('/') {
            return Err(form());
        }
        let (plugin, plugin_instance) = plugin.split_once('-').unwrap_or((plugin, ""));
        let (type_name, type_instance) = type_name.split_once('-').unwrap_or((type_name, ""));
        Self::new(host, plugin, plugin_instance, type_name, type_instance)
    }
}

impl fmt::Display for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.host)?;
        for (name, instance) in
            [(&self.plugin, &self.plugin_instance), (&self.type_name, &self.type_instance)]
        {
            f.write_str("/")?;
            f.write_str(name)?;
            if !instance.is_empty() {
                f.write_str("-")?;
                f.write_str(instance)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn text_with_all_parts_reads_and_prints_the_same() {
        let text = "h.example/interface-eth0/if_octets-rx-1";
        let identifier: Identifier = text.parse().unwrap();
        assert_eq!(&*identifier.plugin_instance, "eth0");
        assert_eq!(&*identifier.type_instance, "rx-1");
        assert_eq!(identifier.to_string(), text);
    }

    #[test]
    fn instances_may_be_absent() {
        let identifier: Identifier = "h/load/load".parse().unwrap();
        assert_eq!(identifier, Identifier::new("h", "load", "", "load", "").unwrap());
    }

    #[test]
    fn slashes_are_escaped_as_collectd_does() {
        assert_eq!(escape_slashes("/"), "root");
        assert_eq!(escape_slashes("/var/lib"), "var_lib");
        assert_eq!(escape_slashes("a/b"), "a_b");
        assert_eq!(escape_slashes("//"), "_");
        assert_eq!(escape_slashes(""), "");
    }

    #[test]
    fn a_dash_in_the_plugin_name_begins_the_instance() {
        let identifier = Identifier::new("h", "foo-bar", "x", "gauge", "").unwrap();
        assert_eq!(identifier, "h/foo-bar-x/gauge".parse().unwrap());
        assert_eq!((&*identifier.plugin, &*identifier.plugin_instance), ("foo", "bar-x"));
    }

    #[test]
    fn a_name_of_127_bytes_fits_and_one_of_128_does_not() {
        assert!(Identifier::new(&"h".repeat(127), "p", "", "gauge", "").is_ok());
        assert_eq!(
            Identifier::new(&"h".repeat(128), "p", "", "gauge", ""),
            Err(NameError::TooLong { part: Part::Host, length: 128 })
        );
    }

    #[test]
    fn an_embedded_nul_is_refused_with_its_place() {
        assert_eq!(
            Identifier::new("h", "p", "a\0b", "gauge", ""),
            Err(NameError::Control { part: Part::PluginInstance, byte: 0, position: 1 })
        );
    }

    #[test]
    fn empty_host_plugin_and_type_are_refused() {
        assert_eq!(Identifier::new("", "p", "", "gauge", ""), Err(NameError::Empty(Part::Host)));
        assert_eq!(Identifier::new("h", "-p", "", "gauge", ""), Err(NameError::Empty(Part::Plugin)));
        assert_eq!(Identifier::new("h", "p", "", "", ""), Err(NameError::Empty(Part::Type)));
    }

    #[test]
    fn too_few_or_too_many_slashes_are_refused() {
        for text in ["", "h", "h/p", "h/p/t/x"] {
            assert_eq!(text.parse::<Identifier>(), Err(NameError::Form(text.into())));
        }
    }

    proptest! {
        #[test]
        fn what_prints_reads_back_as_itself(
            host in "[^-/\\pC]{1,20}", plugin in "[^/\\pC]{1,20}", pi in "[^\\pC]{0,20}",
            ty in "[a-z_]{1,20}", ti in "[^\\pC]{0,20}",
        ) {
            if let Ok(identifier) = Identifier::new(&host, &plugin, &pi, &ty, &ti) {
                prop_assert_eq!(identifier.to_string().parse::<Identifier>(), Ok(identifier));
            }
        }

        #[test]
        fn any_text_is_read_or_refused_without_a_panic(text in ".{0,300}") {
            let _read = text.parse::<Identifier>();
        }
    }
}
