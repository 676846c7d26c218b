//! The blacklist: what is hidden.

use super::section::{Kind, Tried};
use super::threshold::matcher;
use crate::figures;
use crate::table::Row;
use gatherd_client::types::{BlacklistPreview, BlacklistRule, BlacklistStatus, BlacklistVerb};

impl Kind for BlacklistRule {
    const WORD: &'static str = "rule";
}

impl Tried for BlacklistRule {
    fn told(preview: &BlacklistPreview) -> Vec<String> {
        let BlacklistPreview { series, items } = preview;
        let mut lines = vec![format!("would hide {series} series")];
        lines.extend(items.iter().cloned());
        lines
    }
}

impl Row for BlacklistRule {
    const TITLES: &'static [&'static str] =
        &["ID", "VERB", "MATCH", "SERIES", "HIDDEN", "EXPIRES", "AUTHOR", "REASON"];
    const NUMBERS: &'static [usize] = &[3, 4];

    fn cells(&self) -> Vec<String> {
        let text = |text: &Option<String>| figures::known(text.clone(), |text| text);
        let count = |count: fn(&BlacklistStatus) -> u64| {
            figures::known(self.status.as_ref(), |status| count(status).to_string())
        };
        vec![
            self.id.clone().unwrap_or_default(),
            word(self.verb).to_owned(),
            matcher(self.fields.as_ref()),
            count(|status| status.series),
            count(|status| status.hidden),
            expiry(self),
            text(&self.author),
            text(&self.reason),
        ]
    }
}

/// When a rule ends; whether it did.
fn expiry(rule: &BlacklistRule) -> String {
    let is_over = rule.status.as_ref().is_some_and(|status| status.expired);
    let over = if is_over { " (over)" } else { "" };
    rule.expires_at
        .as_ref()
        .map_or_else(|| "never".to_owned(), |time| format!("{}{over}", figures::time(time)))
}

fn word(verb: BlacklistVerb) -> &'static str {
    match verb {
        BlacklistVerb::Collect => "collect",
        BlacklistVerb::Evaluate => "evaluate",
        BlacklistVerb::Notify => "notify",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paper::Paper;
    use crate::table;
    use gatherd_client::types::Timestamp;

    #[test]
    fn rules_are_rows() {
        let bare = BlacklistRule {
            id: Some("a".to_owned()),
            revision: None,
            fields: None,
            verb: BlacklistVerb::Collect,
            expires_at: None,
            reason: None,
            author: None,
            created: None,
            status: None,
        };
        let over = BlacklistRule {
            id: Some("b".to_owned()),
            verb: BlacklistVerb::Notify,
            expires_at: Some(Timestamp::from_unix(0, 0)),
            author: Some("admin".to_owned()),
            reason: Some("disk".to_owned()),
            status: Some(BlacklistStatus { expired: true, in_force: false, series: 2, hidden: 9 }),
            ..bare.clone()
        };
        let expected = "\
ID  VERB     MATCH  SERIES  HIDDEN  EXPIRES                      AUTHOR  REASON
a   collect  all         -       -  never                        -       -
b   notify   all         2       9  1970-01-01T00:00:00Z (over)  admin   disk
";
        assert_eq!(table::table::<BlacklistRule>(&[bare.cells(), over.cells()], Paper::PLAIN), expected);
    }

    #[test]
    fn a_preview_counts_and_names() {
        let preview = BlacklistPreview { series: 2, items: vec!["h/p/t".to_owned()] };
        assert_eq!(BlacklistRule::told(&preview), ["would hide 2 series", "h/p/t"]);
    }
}
