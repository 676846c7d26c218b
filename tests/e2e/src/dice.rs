//! A sequence that is the same each time.

/// A sequence of numbers that is the same each time for the same beginning.
#[derive(Clone, Debug)]
pub struct Dice(
    /// Where it begins.
    pub u64,
);

impl Dice {
    /// The next number below `bound`. Source: Knuth's MMIX generator.
    pub fn roll(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}
