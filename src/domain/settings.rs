//! How a tenant's log is kept, as far as its owners may choose.

use super::kind::LogOfReads;

/// The settings of a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Which reads of the log leave an event in it.
    pub log_of_reads: LogOfReads,
}

impl Default for Settings {
    fn default() -> Self {
        Self { log_of_reads: LogOfReads::EveryRequest }
    }
}
