//! What somebody wants recorded, read from whatever form it came in.

use std::collections::BTreeSet;

use serde_json::value::RawValue;

use crate::domain::event::{MAX_EVENT_BYTES, NewEvent};
use crate::domain::id::Id;
use crate::error::{Code, Error, Result};

/// The most events in one request.
pub const MAX_EVENTS: usize = 5_000;

/// The most bytes in one request.
pub const MAX_REQUEST_BYTES: usize = 16 * 1024 * 1024;

/// What somebody wants recorded: each event, or what is wrong with it.
#[derive(Debug, Default)]
pub struct Batch {
    pub(super) events: Vec<std::result::Result<NewEvent, (Code, String)>>,
}

impl Batch {
    /// Reads one event, or a list of them, as JSON.
    pub fn from_json(body: &[u8]) -> Result<Self> {
        let text = utf8(body)?;
        let mut batch = Self::default();
        if text.trim_start().starts_with('[') {
            let events: Vec<&RawValue> = serde_json::from_str(text).map_err(not_json)?;
            within_limit(events.len())?;
            for event in events {
                batch.add_text(event.get());
            }
        } else {
            let event: &RawValue = serde_json::from_str(text).map_err(not_json)?;
            batch.add_text(event.get());
        }
        Ok(batch)
    }

    /// Reads one event a line; empty lines do not count.
    pub fn from_ndjson(body: &[u8]) -> Result<Self> {
        let lines = || utf8(body).map(|text| text.lines().filter(|line| !line.trim().is_empty()));
        within_limit(lines()?.count())?;
        let mut batch = Self::default();
        for line in lines()? {
            batch.add_text(line);
        }
        Ok(batch)
    }

    /// Adds an event given as JSON text.
    pub fn add_text(&mut self, text: &str) {
        if text.len() > MAX_EVENT_BYTES {
            return self.add_too_large();
        }
        self.add(NewEvent::parse(text));
    }

    /// Adds an event, or what is wrong with it.
    pub fn add(&mut self, event: std::result::Result<NewEvent, String>) {
        match event {
            Ok(event) => self.events.push(Ok(event)),
            Err(problem) => self.refuse(Code::BadUserInput, problem),
        }
    }

    /// Adds an event that is larger than [`MAX_EVENT_BYTES`].
    pub fn add_too_large(&mut self) {
        self.refuse(
            Code::PayloadTooLarge,
            format!("an event takes at most {MAX_EVENT_BYTES} bytes"),
        );
    }

    /// How many events there are, acceptable or not.
    pub const fn len(&self) -> usize {
        self.events.len()
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// Its events at some places of it, acceptable or not.
    pub(super) fn at(
        &self,
        places: &[usize],
    ) -> impl Iterator<Item = &std::result::Result<NewEvent, (Code, String)>> {
        places.iter().filter_map(|place| self.events.get(*place))
    }

    /// The organizations that the acceptable events name.
    pub fn organizations(&self) -> BTreeSet<&Id> {
        let acceptable = self.events.iter().flatten();
        acceptable.map(|event| &event.organization_id).collect()
    }

    fn refuse(&mut self, code: Code, message: String) {
        self.events.push(Err((code, message)));
    }
}

fn utf8(body: &[u8]) -> Result<&str> {
    std::str::from_utf8(body).map_err(|error| {
        Error::bad_input(format!(
            "the body is not UTF-8: the bytes from {} on are no character",
            error.valid_up_to()
        ))
    })
}

fn not_json(error: serde_json::Error) -> Error {
    Error::bad_input(format!("the body is not JSON: {error}"))
}

fn within_limit(events: usize) -> Result<()> {
    if events > MAX_EVENTS {
        return Err(Error::client(
            Code::PayloadTooLarge,
            format!("the request holds {events} events; at most {MAX_EVENTS} are taken at once"),
        ));
    }
    Ok(())
}
