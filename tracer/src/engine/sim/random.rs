//! A small generator of numbers (xorshift64): the same seed always tells the same story.

/// The generator.
#[derive(Debug)]
pub(super) struct Random(u64);

impl Random {
    /// Neighbouring seeds start far apart.
    pub(super) fn new(seed: u64) -> Random {
        let mut random = Random(seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        random.next();
        random
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A number from 0 to `limit - 1`.
    pub(super) fn below(&mut self, limit: usize) -> usize {
        (self.next() >> 11) as usize % limit
    }

    /// True once in `n` times.
    pub(super) fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    /// One of `choices`.
    pub(super) fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    /// Some of `bits`.
    pub(super) fn some_of(&mut self, bits: &[u64]) -> u64 {
        bits.iter().filter(|_| self.one_in(2)).sum()
    }
}
