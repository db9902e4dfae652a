//! The sample data of `auditlog demo`: a practice group, the people in it, and four months of what
//! they did, drawn from a seed. The same seed and time give the same data, byte for byte: nothing
//! here reads a clock, a file or the network.

mod access;
mod billing;
mod calendar;
mod charting;
mod clinic;
mod definitions;
mod interface;
mod ledger;
pub mod load;
mod patients;
mod practice;
mod reading;
mod reports;
mod request;
mod rng;
mod sign_ins;
mod simulation;
mod visits;
mod vocabulary;
mod world;

use chrono::{DateTime, Utc};
use serde_json::Value;

pub use definitions::{DEFINITIONS, Definition};
use simulation::Simulation;
pub use world::{Organization, User, World};

/// The clinic that belonged elsewhere at first: its id, and what it was below.
pub const MOVED: (&str, &str) = ("clinic-sacramento", "cedar-central");

/// The clinic that chose not to record its tasks.
pub const WITHOUT_TASKS: &str = "clinic-bend";

impl World {
    /// Events of the four months that end at `now`, oldest first, each one event of the recording
    /// contract as JSON text.
    pub fn events(&self, seed: u64, now: DateTime<Utc>) -> impl Iterator<Item = String> + use<> {
        let events = Simulation::new(self, seed, now).run();
        (1..).zip(events).map(|(number, mut event)| {
            event.insert("id".into(), format!("demo-{number:06}").into());
            Value::Object(event).to_string()
        })
    }
}
