//! Keeps panics inside the plugin, with their words and place.
//!
//! A caught panic carries its message but not its place; only the hook sees both. The hook is installed once
//! and looks at a thread-local mark, so panics outside plugin calls are reported as before.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind, set_hook, take_hook};
use std::sync::Once;

thread_local! {
    static DEPTH: Cell<u32> = const { Cell::new(0) };
    static LAST: RefCell<Option<String>> = const { RefCell::new(None) };
}

static HOOK: Once = Once::new();

/// Runs `call`; a panic becomes its message and place.
pub(crate) fn guarded<T>(call: impl FnOnce() -> T) -> Result<T, String> {
    HOOK.call_once(install);
    DEPTH.set(DEPTH.get() + 1);
    let outcome = catch_unwind(AssertUnwindSafe(call));
    DEPTH.set(DEPTH.get() - 1);
    outcome.map_err(|payload| {
        // A payload may panic again when it is dropped; it is small, and this is rare.
        std::mem::forget(payload);
        LAST.take().unwrap_or_else(|| "panicked without words".to_owned())
    })
}

fn install() {
    let before = take_hook();
    set_hook(Box::new(move |info| {
        if DEPTH.get() > 0 {
            LAST.set(Some(describe(info)));
        } else {
            before(info);
        }
    }));
}

fn describe(info: &PanicHookInfo<'_>) -> String {
    let words = info.payload_as_str().unwrap_or("a value that is no text");
    match info.location() {
        Some(place) => format!("panicked at {}:{}: {words}", place.file(), place.line()),
        None => format!("panicked: {words}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_told_with_words_and_place() {
        let line = line!() + 1;
        let told = guarded(|| panic!("out of {}", "tea")).unwrap_err();
        assert_eq!(told, format!("panicked at {}:{line}: out of tea", file!()));
    }

    #[test]
    fn a_call_that_returns_is_handed_on() {
        assert_eq!(guarded(|| 7), Ok(7));
    }
}
