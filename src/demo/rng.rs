//! The demo's only source of chance: small, seeded, and the same on every platform and release.

/// SplitMix64, by Guy L. Steele Jr., Doug Lea and Christine H. Flood ("Fast splittable
/// pseudorandom number generators", OOPSLA 2014), with the constants of Sebastiano Vigna's
/// public-domain `splitmix64.c`. Made for sample data, never for secrets.
#[derive(Debug)]
pub(super) struct SplitMix64 {
    state: u64,
}

impl SplitMix64 {
    pub(super) fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// A generator that depends on nothing but `key`: for what must stay the same wherever it is
    /// asked for, such as the computer somebody works at. (The key is hashed by FNV-1a.)
    pub(super) fn keyed(key: &str) -> Self {
        Self::new(key.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        }))
    }

    pub(super) fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number from 0 up to, but not including, `bound`; 0 when there is none.
    /// (The modulo's bias is far too small to show in sample data.)
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }

    /// A number from `low` to `high`, both included.
    pub(super) fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low) + 1)
    }

    /// True `percent` times in a hundred.
    pub(super) fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// One of `items`, or nothing when there are none.
    pub(super) fn choose<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        let nth = self.below(items.len() as u64);
        items.get(nth as usize)
    }

    /// One of a vocabulary's words. Vocabularies are never empty; the default keeps this total.
    pub(super) fn pick<T: Copy + Default>(&mut self, words: &[T]) -> T {
        self.choose(words).copied().unwrap_or_default()
    }

    /// A version 4 UUID (RFC 9562), as web frameworks number their requests.
    pub(super) fn uuid(&mut self) -> String {
        let (high, low) = (self.next(), self.next());
        format!(
            "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xffff,
            high & 0x0fff,
            0x8000 | (low >> 48) & 0x3fff,
            low & 0xffff_ffff_ffff
        )
    }
}
