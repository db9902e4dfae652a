//! How a tenant's log is kept, as far as its owners may choose.

use super::kind::LogOfReads;
use super::style::Style;

/// The settings of a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Which reads of the log leave an event in it.
    pub log_of_reads: LogOfReads,
    /// How times in a record's timeline are written for whoever does not ask for another form.
    pub style: Style,
}

impl Default for Settings {
    fn default() -> Self {
        Self { log_of_reads: LogOfReads::EveryRequest, style: Style::default() }
    }
}
