//! Where a series has its file: three names below the directory of all files.

use gatherd_sdk::WriteSample;

use crate::calendar::Date;

/// Most bytes of one name in a directory.
///
/// Source: Linux's `NAME_MAX` (`linux/limits.h`).
const MAX_NAME: usize = 255;

/// `<host>/<plugin>[-<instance>]/<type>[-<instance>]-YYYY-MM-DD`; its buffers are used again.
#[derive(Debug, Default)]
pub(crate) struct Place {
    /// Directory of the machine.
    pub(crate) host: String,
    /// Directory of the plugin, in that of the machine.
    pub(crate) plugin: String,
    /// The file, in the directory of the plugin.
    pub(crate) file: String,
}

/// Why a series can have no file.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum Unfit {
    /// Such a name could lead out of the directory, or hides what is in it.
    #[error("a directory's name may not begin with a dot")]
    Dot,
    /// One name would be two.
    #[error("a name may hold neither a slash nor a zero byte")]
    Slash,
    /// Nothing would name it.
    #[error("a name may not be empty")]
    Empty,
    /// The file system takes no such name.
    #[error("the name has {0} bytes with the date, at most {MAX_NAME} are possible")]
    TooLong(usize),
}

impl Place {
    /// Names the place of `sample` on the day `date`.
    ///
    /// # Errors
    ///
    /// [`Unfit`] where one of the names can be none; the place is then useless.
    pub(crate) fn set(&mut self, sample: &WriteSample<'_>, date: Date) -> Result<(), Unfit> {
        let plugin = (sample.plugin(), sample.plugin_instance());
        self.set_names(sample.host(), plugin, (sample.type_name(), sample.type_instance()), date)
    }

    fn set_names(
        &mut self,
        host: &str,
        plugin: (&str, &str),
        type_name: (&str, &str),
        date: Date,
    ) -> Result<(), Unfit> {
        join(&mut self.host, host, "");
        join(&mut self.plugin, plugin.0, plugin.1);
        join(&mut self.file, type_name.0, type_name.1);
        self.file.push('-');
        self.file.push_str(date.as_str());
        check(&self.file)?;
        for directory in [&self.host, &self.plugin] {
            check(directory)?;
            if directory.starts_with('.') {
                return Err(Unfit::Dot);
            }
        }
        Ok(())
    }
}

fn join(name: &mut String, first: &str, instance: &str) {
    name.clear();
    name.push_str(first);
    if !instance.is_empty() {
        name.push('-');
        name.push_str(instance);
    }
}

fn check(name: &str) -> Result<(), Unfit> {
    if name.is_empty() {
        return Err(Unfit::Empty);
    }
    if name.contains(['/', '\0']) {
        return Err(Unfit::Slash);
    }
    if name.len() > MAX_NAME {
        return Err(Unfit::TooLong(name.len()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::Calendar;
    use gatherd_sdk::CdTime;
    use jiff::tz::TimeZone;
    use proptest::prelude::*;

    fn date() -> Date {
        Calendar::new(|| TimeZone::UTC).date(CdTime::from_secs(1_795_238_428))
    }

    fn named(host: &str, plugin: (&str, &str), type_name: (&str, &str)) -> Result<[String; 3], Unfit> {
        let mut place = Place::default();
        place.set_names(host, plugin, type_name, date())?;
        Ok([place.host, place.plugin, place.file])
    }

    #[test]
    fn instances_follow_a_dash_and_the_file_ends_with_the_date() {
        assert_eq!(
            named("h.example.com", ("p.q", "i j"), ("gauge", "a b.c")),
            Ok(["h.example.com", "p.q-i j", "gauge-a b.c-2026-11-21"].map(str::to_owned))
        );
        assert_eq!(
            named("h", ("load", ""), ("load", "")),
            Ok(["h", "load", "load-2026-11-21"].map(str::to_owned))
        );
    }

    #[test]
    fn a_directory_that_begins_with_a_dot_is_refused() {
        for host in [".", "..", ".hidden"] {
            assert_eq!(named(host, ("p", ""), ("gauge", "")), Err(Unfit::Dot));
            assert_eq!(named("h", (host, ""), ("gauge", "")), Err(Unfit::Dot));
        }
        assert_eq!(
            named("h", ("p", ".."), ("gauge", "..")),
            Ok(["h", "p-..", "gauge-..-2026-11-21"].map(str::to_owned))
        );
    }

    #[test]
    fn a_name_with_a_slash_or_a_zero_or_nothing_at_all_is_refused() {
        for name in ["a/b", "/", "a\0"] {
            assert_eq!(named(name, ("p", ""), ("gauge", "")), Err(Unfit::Slash));
            assert_eq!(named("h", ("p", name), ("gauge", "")), Err(Unfit::Slash));
            assert_eq!(named("h", ("p", ""), ("gauge", name)), Err(Unfit::Slash));
        }
        assert_eq!(named("", ("p", ""), ("gauge", "")), Err(Unfit::Empty));
        assert_eq!(named("h", ("", ""), ("gauge", "")), Err(Unfit::Empty));
    }

    #[test]
    fn a_name_of_255_bytes_fits_and_one_of_256_does_not() {
        let long = "x".repeat(127);
        let named =
            |instance| named("h", (&long, &long), (&long, &"y".repeat(instance))).map(|names| names[2].len());
        assert_eq!(named(116), Ok(255));
        assert_eq!(named(117), Err(Unfit::TooLong(256)));
    }

    proptest! {
        #[test]
        fn what_is_named_stays_three_levels_below(
            host in "(\\PC|[./\0]){0,140}", plugin in "(\\PC|[./\0]){0,9}", instance in "(\\PC|[./\0]){0,140}",
            type_name in "(\\PC|[./\0]){0,9}",
        ) {
            if let Ok(names) = named(&host, (&plugin, &instance), (&type_name, &instance)) {
                for name in names {
                    prop_assert!(!name.is_empty() && name != "." && name != "..", "{:?}", name);
                    prop_assert!(!name.contains(['/', '\0']) && name.len() <= 255, "{:?}", name);
                }
            }
        }
    }
}
