//! Rules in the order in which they are asked: the most specific first, ties by id.
//!
//! Most rules name a plugin or a type, so a series is compared only with the rules that name its own, and
//! with those that name neither.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;
use gatherd_model::Part;

use super::Matcher;
use crate::series::Parts;

/// A rule that chooses series.
pub trait Rule {
    /// Its name; unique in its list.
    fn id(&self) -> &str;

    /// Which series it speaks of.
    fn matcher(&self) -> &Matcher;
}

/// Places of rules, ascending.
type Places = Vec<u32>;

/// Rules of one kind, in order.
#[derive(Debug)]
pub struct Ordered<T> {
    all: Vec<Arc<T>>,
    by_plugin: HashMap<Box<str>, Places, RandomState>,
    by_type: HashMap<Box<str>, Places, RandomState>,
    others: Places,
}

impl<T> Default for Ordered<T> {
    fn default() -> Self {
        Self {
            all: Vec::new(),
            by_plugin: HashMap::default(),
            by_type: HashMap::default(),
            others: Vec::new(),
        }
    }
}

impl<T: Rule> Ordered<T> {
    /// Puts rules in order.
    pub fn new(mut all: Vec<Arc<T>>) -> Self {
        all.sort_by(|one, other| {
            let by_specificity = other.matcher().specificity().cmp(&one.matcher().specificity());
            by_specificity.then_with(|| one.id().cmp(other.id()))
        });
        let mut ordered = Self { all: Vec::new(), ..Self::default() };
        for (place, rule) in (0..).zip(&all) {
            let exact = |part| rule.matcher().pattern(part).exact();
            let places = match (exact(Part::Plugin), exact(Part::Type)) {
                (Some(plugin), _) => ordered.by_plugin.entry(plugin.into()).or_default(),
                (None, Some(type_name)) => ordered.by_type.entry(type_name.into()).or_default(),
                (None, None) => &mut ordered.others,
            };
            places.push(place);
        }
        ordered.all = all;
        ordered
    }

    /// All of them, the most specific first.
    pub fn all(&self) -> &[Arc<T>] {
        &self.all
    }

    /// The rule at a place that [`Ordered::matching`] told.
    pub fn at(&self, place: u32) -> Option<&Arc<T>> {
        self.all.get(place as usize)
    }

    /// True where both are the very same rules.
    pub fn is_same(&self, other: &Self) -> bool {
        self.all.len() == other.all.len()
            && self.all.iter().zip(&other.all).all(|(one, other)| Arc::ptr_eq(one, other))
    }

    /// True where there is no rule.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// The rules that choose a series, the most specific first, each with its place.
    pub fn matching<'a>(&'a self, series: &'a Parts<'a>) -> impl Iterator<Item = (u32, &'a Arc<T>)> {
        let of = |map: &'a HashMap<Box<str>, Places, RandomState>, name: &str| {
            if map.is_empty() { &[][..] } else { map.get(name).map_or(&[][..], Vec::as_slice) }
        };
        let (mut plugin, mut kind) =
            (of(&self.by_plugin, series.plugin), of(&self.by_type, series.type_name));
        let mut others = self.others.as_slice();
        std::iter::from_fn(move || {
            let heads = [&mut plugin, &mut kind, &mut others];
            let next = heads.into_iter().filter(|list| !list.is_empty()).min_by_key(|list| list[0])?;
            let (place, rest) = next.split_first()?;
            *next = rest;
            Some((*place, &self.all[*place as usize]))
        })
        .filter(move |(_, rule)| rule.matcher().admits(series))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::Fields;
    use proptest::prelude::*;

    struct Named(String, Matcher);

    impl Rule for Named {
        fn id(&self) -> &str {
            &self.0
        }

        fn matcher(&self) -> &Matcher {
            &self.1
        }
    }

    fn rule(id: &str, plugin: Option<&str>, type_name: Option<&str>, host: Option<&str>) -> Arc<Named> {
        let own = |text: Option<&str>| text.map(str::to_owned);
        let fields =
            Fields { host: own(host), plugin: own(plugin), type_name: own(type_name), ..Fields::default() };
        Arc::new(Named(id.to_owned(), Matcher::compile(&fields).unwrap()))
    }

    fn ids(ordered: &Ordered<Named>, text: &str) -> Vec<String> {
        ordered.matching(&Parts::of(text)).map(|(_, rule)| rule.0.clone()).collect()
    }

    #[test]
    fn the_most_specific_goes_first_and_ties_go_by_id() {
        let ordered = Ordered::new(vec![
            rule("c", None, Some("load"), None),
            rule("b", Some("load"), None, None),
            rule("a", None, Some("load"), None),
            rule("d", None, None, Some("h")),
            rule("e", Some("cpu"), None, None),
            rule("f", Some("lo*"), Some("load"), None),
            rule("g", None, None, None),
        ]);
        assert_eq!(ids(&ordered, "h/load/load"), ["d", "b", "f", "a", "c", "g"]);
        assert_eq!(ids(&ordered, "x/cpu/cpu"), ["e", "g"]);
        assert_eq!(ordered.at(0).unwrap().0, "d");
        assert_eq!(ordered.at(7).map(|rule| rule.0.clone()), None);
    }

    #[test]
    fn no_rules_choose_nothing() {
        let ordered: Ordered<Named> = Ordered::default();
        assert!(ordered.is_empty());
        assert!(ids(&ordered, "h/p/t").is_empty());
    }

    proptest! {
        #[test]
        fn the_index_finds_what_asking_every_rule_finds(
            patterns in prop::collection::vec(("[ab]|[ab]\\*|re:b", "[ab]|[ab]\\*|re:b"), 0..12),
            plugin in "[ab]{1,2}", kind in "[ab]{1,2}",
        ) {
            let rules = patterns.iter().enumerate().map(|(at, (of_plugin, of_type))| {
                rule(&format!("{at:02}"), Some(of_plugin), Some(of_type), None)
            });
            let ordered = Ordered::new(rules.collect());
            let text = format!("h/{plugin}/{kind}");
            let parts = Parts::of(&text);
            let asked = ordered.all().iter().filter(|rule| rule.1.admits(&parts));
            prop_assert_eq!(ids(&ordered, &text), asked.map(|rule| rule.0.clone()).collect::<Vec<_>>());
        }
    }
}
