//! Ranges of the sections `subscriptions` and `subscriptions_policy`.

use super::Ranges;
use crate::desired::document::{Document, SubscriptionEntries, SubscriptionsPolicy};
use crate::desired::merge::escape;
use crate::port::ConfigProblem;
use crate::subscription::is_plain;

/// How many subscriptions there may be.
const MOST: usize = 100;
/// How many rules the policy may have.
const MOST_RULES: usize = 256;
/// How many directories of programs it may name.
const MOST_DIRECTORIES: usize = 16;

impl Ranges<'_> {
    pub(super) fn subscriptions_policy(&mut self, policy: &SubscriptionsPolicy) {
        let section = "/subscriptions_policy/allow";
        self.say_if(
            policy.allow.len() > MOST_RULES,
            section,
            format_args!("at most {MOST_RULES} are allowed"),
        );
        self.say_if(
            !policy.ca_file.iter().all(|path| is_plain(path)),
            "/subscriptions_policy/ca_file",
            format_args!("an absolute path without `..` is wanted"),
        );
        self.say_if(
            policy.exec_dirs.len() > MOST_DIRECTORIES || !policy.exec_dirs.iter().all(|path| is_plain(path)),
            "/subscriptions_policy/exec_dirs",
            format_args!("at most {MOST_DIRECTORIES} absolute paths without `..` are allowed"),
        );
        if let Err(at) = policy.compile() {
            self.say_if(
                true,
                &format!("{section}/{at}"),
                format_args!(
                    "`https://*:*`, `https://*.example.org` or `http://127.0.0.1:8080` are such rules"
                ),
            );
        }
    }

    pub(super) fn subscription_ids(&mut self, entries: &SubscriptionEntries) {
        self.say_if(
            entries.len() > MOST,
            "/subscriptions",
            format_args!("at most {MOST} subscriptions are allowed"),
        );
        for id in entries.keys() {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
            let is_bad = id.is_empty() || id.len() > 64 || !id.bytes().all(plain);
            self.say_if(
                is_bad,
                &format!("/subscriptions/{}", escape(id)),
                format_args!("an id has 1 to 64 bytes of letters, digits, `-`, `_` and `.`"),
            );
        }
    }
}

/// Judges the subscriptions by the policy, which another layer may hold.
pub(super) fn together(document: &Document) -> Vec<ConfigProblem> {
    let Ok(judge) = document.subscriptions_policy.compile() else { return Vec::new() };
    let each = document.subscriptions.iter().flat_map(|(id, entry)| {
        let faults = entry.compile(&judge).err().unwrap_or_default();
        faults.into_iter().map(move |(below, detail)| ConfigProblem {
            pointer: format!("/subscriptions/{}{below}", escape(id)),
            detail,
        })
    });
    each.collect()
}
