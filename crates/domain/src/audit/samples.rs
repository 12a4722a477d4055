//! Entries for tests.

use super::entry::Entry;

pub(super) const CHAIN: &str = "prj_dddddddddddddddddddddddddd";

/// An entry that moves nothing and tells no details.
pub(super) fn sample(action: &str, seq: i64, prev: &str) -> Entry {
    Entry {
        action: action.to_owned(),
        actor: "acc_bbbbbbbbbbbbbbbbbbbbbbbbbb".to_owned(),
        chain: CHAIN.to_owned(),
        details: String::new(),
        head_after: String::new(),
        head_before: String::new(),
        prev: prev.to_owned(),
        revision: String::new(),
        seq,
        session: String::new(),
        target: String::new(),
        time: "2026-05-03T12:00:00.000Z".to_owned(),
        v: 1,
    }
}
