//! What Keystone said of tokens, for a while. Tokens themselves are not kept: only a keyed digest of each.
//!
//! Valid and refused ones have shelves of their own, so that no flood of bad tokens pushes a good one out.

use gatherd_api::auth::TokenFacts;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

/// A keyed digest of a token.
pub(crate) type Print = [u8; 32];

/// Now, by both clocks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    /// Since the service began; never goes back.
    pub(crate) since: Duration,
    /// Seconds since 1970.
    pub(crate) wall: u64,
}

/// What is remembered of a token.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Recalled {
    /// It is valid.
    Fresh(Arc<TokenFacts>),
    /// It was valid when it was asked about last, and that must be asked again.
    Stale {
        /// What was said then.
        facts: Arc<TokenFacts>,
        /// Whether that still counts for reads where nobody can be asked.
        in_grace: bool,
    },
    /// It is not valid.
    Refused,
    /// Nothing.
    Nothing,
}

#[derive(Debug)]
struct Kept {
    facts: Arc<TokenFacts>,
    fresh_until: Duration,
    grace_until: Duration,
}

#[derive(Debug)]
struct Refusal {
    /// Until then it is not asked about again.
    until: Duration,
    /// Whose it was while it was valid.
    was: Option<Arc<TokenFacts>>,
}

/// All that is remembered.
#[derive(Debug)]
pub(crate) struct Memory {
    valid: Shelf<Kept>,
    refused: Shelf<Refusal>,
}

impl Memory {
    /// Room for `most` valid tokens and as many refused ones.
    pub(crate) fn new(most: usize) -> Self {
        Self { valid: Shelf::new(most), refused: Shelf::new(most) }
    }

    pub(crate) fn recall(&self, print: &Print, now: Moment) -> Recalled {
        if let Some(kept) = self.valid.get(print) {
            let facts = Arc::clone(&kept.facts);
            return match () {
                () if now.wall >= facts.expires_at => Recalled::Refused,
                () if now.since < kept.fresh_until => Recalled::Fresh(facts),
                () => Recalled::Stale { facts, in_grace: now.since < kept.grace_until },
            };
        }
        match self.refused.get(print) {
            Some(refusal) if now.since < refusal.until => Recalled::Refused,
            _ => Recalled::Nothing,
        }
    }

    /// Remembers a valid token: fresh for a while, and after that good for reads for another while.
    pub(crate) fn keep(
        &mut self,
        print: Print,
        facts: Arc<TokenFacts>,
        (fresh, grace): (Duration, Duration),
        now: Moment,
    ) {
        self.refused.remove(&print);
        let fresh_until = now.since + fresh;
        self.valid.put(print, Kept { facts, fresh_until, grace_until: fresh_until + grace });
    }

    /// Remembers a refusal for a while.
    pub(crate) fn refuse(&mut self, print: Print, length: Duration, now: Moment) {
        let valid = self.valid.remove(&print).map(|kept| kept.facts);
        let was = valid.or_else(|| self.refused.remove(&print)?.was);
        self.refused.put(print, Refusal { until: now.since + length, was });
    }

    /// Whose a token is or was.
    pub(crate) fn was(&self, print: &Print) -> Option<Arc<TokenFacts>> {
        let valid = self.valid.get(print).map(|kept| Arc::clone(&kept.facts));
        valid.or_else(|| self.refused.get(print)?.was.clone())
    }

    pub(crate) fn forget(&mut self, print: &Print) {
        self.valid.remove(print);
        self.refused.remove(print);
    }

    /// How many valid tokens are remembered.
    pub(crate) fn len(&self) -> usize {
        self.valid.by_print.len()
    }
}

/// A bounded map; what was put longest ago makes room.
#[derive(Debug)]
struct Shelf<T> {
    most: usize,
    next: u64,
    by_print: HashMap<Print, (u64, T)>,
    order: BTreeMap<u64, Print>,
}

impl<T> Shelf<T> {
    fn new(most: usize) -> Self {
        Self { most, next: 0, by_print: HashMap::new(), order: BTreeMap::new() }
    }

    fn get(&self, print: &Print) -> Option<&T> {
        self.by_print.get(print).map(|(_, value)| value)
    }

    fn put(&mut self, print: Print, value: T) {
        self.remove(&print);
        while self.by_print.len() >= self.most.max(1) {
            let Some((_, oldest)) = self.order.pop_first() else { break };
            self.by_print.remove(&oldest);
        }
        self.next += 1;
        self.order.insert(self.next, print);
        self.by_print.insert(print, (self.next, value));
    }

    fn remove(&mut self, print: &Print) -> Option<T> {
        let (number, value) = self.by_print.remove(print)?;
        self.order.remove(&number);
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gatherd_api::auth::{Named, Scope, Vouched};
    use proptest::prelude::*;

    const END: u64 = 1_000;
    const FRESH: Duration = Duration::from_secs(30);
    const GRACE: Duration = Duration::from_mins(1);

    fn facts() -> Arc<TokenFacts> {
        Arc::new(TokenFacts {
            user: Named::default(),
            scope: Scope::System,
            roles: Vec::new(),
            methods: Vec::new(),
            application_credential: None,
            audit_ids: Vec::new(),
            issued_at: 0,
            expires_at: END,
            vouched: Vouched::Online,
        })
    }

    const fn at(since: u64, wall: u64) -> Moment {
        Moment { since: Duration::from_secs(since), wall }
    }

    fn print(number: u16) -> Print {
        let mut print = [0; 32];
        print[..2].copy_from_slice(&number.to_be_bytes());
        print
    }

    #[test]
    fn a_valid_token_is_fresh_then_stale_and_never_good_past_its_end() {
        let mut memory = Memory::new(10);
        assert_eq!(memory.recall(&print(1), at(0, 0)), Recalled::Nothing);
        memory.keep(print(1), facts(), (FRESH, GRACE), at(10, 0));
        let stale = |in_grace| Recalled::Stale { facts: facts(), in_grace };
        assert_eq!(memory.recall(&print(1), at(39, END - 1)), Recalled::Fresh(facts()));
        assert_eq!(memory.recall(&print(1), at(40, 0)), stale(true));
        assert_eq!(memory.recall(&print(1), at(99, 0)), stale(true));
        assert_eq!(memory.recall(&print(1), at(100, 0)), stale(false));
        for since in [11, 50, 200] {
            assert_eq!(memory.recall(&print(1), at(since, END)), Recalled::Refused);
        }
    }

    #[test]
    fn a_refusal_counts_for_a_while_and_ends_what_was_valid() {
        let mut memory = Memory::new(10);
        memory.keep(print(1), facts(), (FRESH, GRACE), at(0, 0));
        memory.refuse(print(1), Duration::from_secs(5), at(1, 0));
        assert_eq!(memory.recall(&print(1), at(5, 0)), Recalled::Refused);
        assert_eq!(memory.recall(&print(1), at(6, 0)), Recalled::Nothing);
        memory.refuse(print(1), Duration::from_secs(5), at(6, 0));
        assert_eq!((memory.was(&print(1)), memory.was(&print(2))), (Some(facts()), None));
        memory.keep(print(1), facts(), (FRESH, GRACE), at(2, 0));
        assert_eq!(memory.recall(&print(1), at(3, 0)), Recalled::Fresh(facts()));
        memory.forget(&print(1));
        assert_eq!(memory.recall(&print(1), at(3, 0)), Recalled::Nothing);
    }

    #[test]
    fn no_number_of_bad_tokens_pushes_a_good_one_out() {
        let mut memory = Memory::new(10);
        memory.keep(print(0), facts(), (FRESH, GRACE), at(0, 0));
        for bad in 1..10_000 {
            memory.refuse(print(bad), FRESH, at(0, 0));
        }
        assert_eq!(memory.recall(&print(0), at(1, 0)), Recalled::Fresh(facts()));
        assert_eq!((memory.len(), memory.refused.by_print.len()), (1, 10));
    }

    proptest! {
        #[test]
        fn the_bounds_hold_and_the_newest_stays(
            most in 1_usize..20,
            steps in proptest::collection::vec((0_u16..40, 0_u8..3), 1..300),
        ) {
            let mut memory = Memory::new(most);
            for (number, what) in steps {
                match what {
                    0 => {
                        memory.keep(print(number), facts(), (FRESH, GRACE), at(0, 0));
                        prop_assert_eq!(memory.recall(&print(number), at(0, 0)), Recalled::Fresh(facts()));
                    }
                    1 => {
                        memory.refuse(print(number), FRESH, at(0, 0));
                        prop_assert_eq!(memory.recall(&print(number), at(0, 0)), Recalled::Refused);
                    }
                    _ => {
                        memory.forget(&print(number));
                        prop_assert_eq!(memory.recall(&print(number), at(0, 0)), Recalled::Nothing);
                    }
                }
                for (length, order) in [
                    (memory.valid.by_print.len(), memory.valid.order.len()),
                    (memory.refused.by_print.len(), memory.refused.order.len()),
                ] {
                    prop_assert!(length <= most && length == order);
                }
            }
        }
    }
}
