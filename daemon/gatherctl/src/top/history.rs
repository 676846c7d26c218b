//! The newest numbers of one series, drawn as a row of small bars.

use std::collections::VecDeque;

/// Most numbers that are kept.
pub(super) const MOST_NUMBERS: usize = 60;

/// From the lowest to the highest.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// The newest numbers, oldest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct History {
    /// `None` where it was not known.
    numbers: VecDeque<Option<f64>>,
}

impl History {
    /// Adds the newest number.
    pub(super) fn add(&mut self, number: Option<f64>) {
        if self.numbers.len() == MOST_NUMBERS {
            self.numbers.pop_front();
        }
        self.numbers.push_back(number.filter(|number| number.is_finite()));
    }

    /// The newest `width` numbers as bars between the lowest and the highest of them; a blank for one that is
    /// not known. Numbers that are all the same are the lowest bars.
    pub(super) fn bars(&self, width: usize) -> String {
        let shown = self.numbers.iter().skip(self.numbers.len().saturating_sub(width));
        let known = || shown.clone().copied().flatten();
        let (low, high) = (known().fold(f64::INFINITY, f64::min), known().fold(f64::NEG_INFINITY, f64::max));
        shown.clone().map(|number| number.map_or(' ', |number| bar(number, low, high))).collect()
    }
}

/// The bar of a number between `low` and `high`.
fn bar(number: f64, low: f64, high: f64) -> char {
    let half = high / 2.0 - low / 2.0; // The whole distance may be more than a float can be.
    if half <= 0.0 {
        return BARS[0];
    }
    let part = (number / 2.0 - low / 2.0) / half;
    let bounds = [0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875];
    BARS[bounds.iter().filter(|bound| part >= **bound).count()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(numbers: &[f64]) -> History {
        let mut history = History::default();
        for number in numbers {
            history.add(Some(*number));
        }
        history
    }

    #[test]
    fn numbers_are_bars_between_the_lowest_and_the_highest() {
        assert_eq!(history(&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]).bars(9), "▁▂▃▄▅▆▇█");
        assert_eq!(history(&[-1e308, 1e308, 0.0]).bars(9), "▁█▅");
        assert_eq!(history(&[5.0, 5.0]).bars(9), "▁▁");
        assert_eq!(history(&[]).bars(9), "");
    }

    #[test]
    fn only_the_newest_that_fit_count() {
        assert_eq!(history(&[100.0, 0.0, 1.0]).bars(2), "▁█");
        assert_eq!(history(&[1.0]).bars(0), "");
        let many: Vec<f64> = (0..100).map(f64::from).collect();
        let many = history(&many);
        assert_eq!(many.numbers.len(), MOST_NUMBERS);
        assert_eq!(many.numbers.back(), Some(&Some(99.0)));
    }

    #[test]
    fn what_is_not_known_is_a_blank() {
        let mut history = history(&[1.0]);
        history.add(None);
        history.add(Some(f64::NAN));
        history.add(Some(2.0));
        assert_eq!(history.bars(9), "▁  █");
    }
}
