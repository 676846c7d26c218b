//! An output that is asked instead of fed.

/// Which text a scraper wants.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ExpositionFormat {
    /// OpenMetrics 1.0 text.
    OpenMetrics,
    /// Prometheus text 0.0.4.
    Classic,
}

/// Renders the newest value of every series when asked.
pub trait Exposition: Send + Sync + 'static {
    /// The whole exposition, in pieces that are made one by one as they are taken, so that a million series
    /// never stand in memory as text.
    fn render(&self, format: ExpositionFormat) -> Box<dyn Iterator<Item = Vec<u8>> + Send>;
}
