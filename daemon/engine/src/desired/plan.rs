//! What must be done to get from one document to another. Pure.

use crate::port::PluginId;

use super::document::{Document, Wanted};

/// One step of a change.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Hands the document to the rooms that look at it while the daemon runs.
    Configure {
        /// How it was.
        before: Box<Document>,
        /// How it shall be.
        after: Box<Document>,
    },
    /// Makes a plugin so.
    Set {
        /// How it was; `None` where it was not there.
        from: Option<Box<Wanted>>,
        /// How it shall be.
        to: Wanted,
    },
    /// Takes a plugin away.
    Remove {
        /// How it was.
        was: Wanted,
    },
}

impl Action {
    /// The plugin it is about, where it is about one.
    pub fn id(&self) -> Option<&PluginId> {
        match self {
            Self::Configure { .. } => None,
            Self::Set { to, .. } => Some(&to.spec.id),
            Self::Remove { was } => Some(&was.spec.id),
        }
    }

    /// The step that takes this one back.
    pub(super) fn undo(&self) -> Self {
        match self {
            Self::Configure { before, after } => {
                Self::Configure { before: after.clone(), after: before.clone() }
            }
            Self::Set { from: Some(from), to } => {
                Self::Set { from: Some(Box::new(to.clone())), to: (**from).clone() }
            }
            Self::Set { from: None, to } => Self::Remove { was: to.clone() },
            Self::Remove { was } => Self::Set { from: None, to: was.clone() },
        }
    }

    /// Whether the plugin's own judgement is asked first: not where something is only switched off, so
    /// that a plugin that is broken can always be disabled.
    pub(super) fn needs_validation(&self) -> Option<&Wanted> {
        match self {
            Self::Set { from: Some(from), to } if !to.enabled && from.spec == to.spec => None,
            Self::Set { to, .. } => Some(to),
            Self::Configure { .. } | Self::Remove { .. } => None,
        }
    }
}

impl std::fmt::Display for Action {
    /// `set plugin cpu`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Configure { .. } => f.write_str("configure the daemon"),
            Self::Set { to, .. } => write!(f, "set plugin {}", to.spec.id),
            Self::Remove { was } => write!(f, "remove plugin {}", was.spec.id),
        }
    }
}

/// The steps from `old` to `new`: first what is not a plugin, then the plugins that go, then those that come
/// or change, each by id.
pub fn plan(old: &Document, new: &Document) -> Vec<Action> {
    let configure = (!old.is_same_but_for_plugins(new))
        .then(|| Action::Configure { before: Box::new(old.clone()), after: Box::new(new.clone()) });
    let (mut before, after) = (old.to_specs(), new.to_specs());
    let changed = after.into_iter().filter_map(|(id, to)| match before.remove(&id) {
        Some(from) if from == to => None,
        from => Some(Action::Set { from: from.map(Box::new), to }),
    });
    let changed: Vec<Action> = changed.collect();
    let gone = before.into_values().map(|was| Action::Remove { was });
    configure.into_iter().chain(gone).chain(changed).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::desired::document::PluginEntry;
    use crate::port::PluginLimits;

    fn entries() -> impl Strategy<Value = PluginEntry> {
        let interval = prop::option::of(1..3_u32);
        (any::<bool>(), any::<bool>(), interval, 0..3).prop_map(|(enabled, trusted, interval, number)| {
            PluginEntry {
                type_name: None,
                enabled,
                interval: interval.map(f64::from),
                trusted,
                isolation: None,
                limits: PluginLimits::default(),
                config: json!({"n": number}).as_object().unwrap().clone(),
            }
        })
    }

    fn documents() -> impl Strategy<Value = Document> {
        let plugins = prop::collection::btree_map("[abc]", entries(), 0..4);
        (plugins, 1..3_u32).prop_map(|(plugins, interval)| Document {
            plugins,
            interval: f64::from(interval),
            ..Document::default()
        })
    }

    fn carried_out(mut state: BTreeMap<PluginId, Wanted>, action: &Action) -> BTreeMap<PluginId, Wanted> {
        match action {
            Action::Configure { before, after } => assert_ne!(before, after),
            Action::Set { from, to } => {
                assert_eq!(state.insert(to.spec.id.clone(), to.clone()), from.as_deref().cloned());
            }
            Action::Remove { was } => assert_eq!(state.remove(&was.spec.id).as_ref(), Some(was)),
        }
        state
    }

    proptest! {
        #[test]
        fn the_plan_makes_new_out_of_old_and_its_undo_old_out_of_new(old in documents(), new in documents()) {
            let actions = plan(&old, &new);
            let there = actions.iter().fold(old.to_specs(), carried_out);
            prop_assert_eq!(&there, &new.to_specs());
            let back = actions.iter().rev().map(Action::undo).fold(there, |state, action| carried_out(state, &action));
            prop_assert_eq!(back, old.to_specs());
        }

        #[test]
        fn what_did_not_change_is_not_touched(old in documents(), new in documents()) {
            let (before, after) = (old.to_specs(), new.to_specs());
            for action in plan(&old, &new) {
                if let Some(id) = action.id() {
                    prop_assert_ne!(before.get(id), after.get(id));
                } else {
                    prop_assert_ne!(old.interval.to_bits(), new.interval.to_bits());
                }
            }
            prop_assert_eq!(plan(&old, &old), vec![]);
        }
    }

    #[test]
    fn switching_off_is_not_judged_and_switching_on_is() {
        let parse = |value| serde_json::from_value::<Document>(value).unwrap();
        let on = parse(json!({"plugins": {"a": {}}}));
        let off = parse(json!({"plugins": {"a": {"enabled": false}}}));
        assert_eq!(plan(&on, &off)[0].needs_validation(), None);
        assert!(plan(&off, &on)[0].needs_validation().is_some());
        assert_eq!(plan(&on, &off)[0].to_string(), "set plugin a");
    }
}
