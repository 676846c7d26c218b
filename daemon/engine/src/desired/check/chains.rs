//! Filter chains: each by itself, and what only all of them together can show.

use std::collections::BTreeMap;

use super::Ranges;
use crate::desired::document::{ChainEntries, Document};
use crate::desired::merge::escape;
use crate::port::ConfigProblem;
use crate::rules::chain::{Shape, tangles};

/// How many chains there may be.
const MOST: usize = 64;
/// How many rules all chains may have together.
const MOST_RULES: usize = 1000;

impl Ranges<'_> {
    pub(super) fn chains(&mut self, chains: &ChainEntries) {
        self.say_if(chains.len() > MOST, "/chains", format_args!("at most {MOST} chains are allowed"));
        self.rules("/chains", chains, |id, entry| entry.compile(id, None).err());
    }
}

/// What is wrong with how chains lead to each other, and with where values enter them.
pub fn tangled(document: &Document) -> Vec<ConfigProblem> {
    let mut found = Vec::new();
    let mut say = |pointer: String, detail: String| found.push(ConfigProblem { pointer, detail });
    let rules: usize = document.chains.values().map(|chain| chain.rules.len()).sum();
    if rules > MOST_RULES {
        say("/chains".into(), format!("all chains together may have {MOST_RULES} rules, these have {rules}"));
    }
    let usual = Document::default();
    for (key, id, usual) in [
        ("/pre_cache_chain", &document.pre_cache_chain, &usual.pre_cache_chain),
        ("/post_cache_chain", &document.post_cache_chain, &usual.post_cache_chain),
    ] {
        if id != usual && !id.is_empty() && !document.chains.contains_key(id) {
            say(key.to_owned(), format!("there is no chain {id}"));
        }
    }
    let shapes: BTreeMap<String, Shape<String>> =
        document.chains.iter().map(|(id, entry)| (id.clone(), entry.shape())).collect();
    for (id, place, tangle) in tangles(&shapes) {
        say(format!("/chains/{}{}", escape(&id), place.unwrap_or_default()), tangle.to_string());
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use crate::desired::check::{check, check_together};

    fn complaints(value: &Value) -> Vec<String> {
        let (document, mut problems) = check(value);
        problems.extend(check_together(&document));
        problems.into_iter().map(|problem| problem.pointer).collect()
    }

    fn many(count: usize, of: &Value) -> Map<String, Value> {
        (0..count).map(|at| (at.to_string(), of.clone())).collect()
    }

    #[test]
    fn what_only_all_chains_together_show_is_told() {
        let jump = |to: &str| json!({"targets": {"jump": {"chain": to}}});
        let rules = many(501, &json!({"targets": {"stop": {}}}));
        for (document, pointer) in [
            (json!({"chains": {"a b": {}}}), "/chains/a b"),
            (json!({"chains": {"a": jump("b")}}), "/chains/a/targets/jump/chain"),
            (json!({"chains": {"a": jump("b"), "b": jump("a")}}), "/chains/a/targets/jump/chain"),
            (json!({"pre_cache_chain": "x"}), "/pre_cache_chain"),
            (json!({"post_cache_chain": "x"}), "/post_cache_chain"),
            (json!({"chains": {"a": {"rules": rules}, "b": {"rules": rules}}}), "/chains"),
            (json!({"chains": many(65, &json!({}))}), "/chains"),
            (
                json!({"chains": {"a": {"rules": {"r": {"matches": {"regex": {}}, "targets": {"stop": {}}}}}}}),
                "/chains/a/rules/r/matches/regex",
            ),
        ] {
            assert_eq!(complaints(&document), [pointer], "{document}");
        }
        let fine =
            json!({"chains": {"a": jump("b"), "b": {}}, "pre_cache_chain": "a", "post_cache_chain": ""});
        assert!(complaints(&fine).is_empty());
    }
}
