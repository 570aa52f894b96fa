//! Chance, where it need not be kept from anybody.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};

/// Returns a number that is another one each time.
pub(crate) fn number() -> u64 {
    // A hasher of its own has a key of its own, which is random.
    RandomState::new().build_hasher().finish()
}
