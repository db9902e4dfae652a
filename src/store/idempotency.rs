//! Recorders' own ids: what was recorded under one before, and whether it was the same.

use std::collections::HashMap;

use sea_orm::{ConnectionTrait, EntityTrait as _};

use super::Backend;
use super::append::{Prepared, PreparedEvent};
use super::entity::idempotency_record;
use crate::domain::event::NewEvent;
use crate::domain::page::PositionCodec;
use crate::error::{Code, Error, Problem, Result};

/// What tells whether two events are the same, as they were given: what is kept of them may differ, when
/// masks or other settings changed in between.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprint {
    /// What is stored. Only this installation can make it: whoever reads the database must not be able
    /// to try out which values were masked.
    keyed: Vec<u8>,
    /// What was stored before anything could be masked.
    plain: Vec<u8>,
}

impl Fingerprint {
    /// That of an event as it was given, if it has an id to be filed under.
    pub fn of(positions: &PositionCodec, event: &NewEvent) -> Option<Self> {
        event.external_id.as_ref()?;
        let plain = event.fingerprint();
        Some(Self { keyed: positions.digest(&plain), plain })
    }

    /// Whether it is that of what was recorded before.
    pub(super) fn is(&self, stored: &[u8]) -> bool {
        self.keyed == stored || self.plain == stored
    }

    pub(super) fn to_stored(&self) -> Vec<u8> {
        self.keyed.clone()
    }
}

/// What is stored of recorders' ids: each with the fingerprint of what was given under it.
pub(super) type Recorded = HashMap<String, Vec<u8>>;

/// The fingerprints of those of the batches' events that had been recorded before.
pub(super) async fn recorded_before(
    transaction: &impl ConnectionTrait,
    backend: Backend,
    tenant: &str,
    batches: &[Prepared<'_>],
) -> Result<Recorded> {
    let ids: Vec<String> = batches
        .iter()
        .flat_map(|batch| batch.events)
        .filter_map(PreparedEvent::external_id)
        .map(str::to_owned)
        .collect();
    if ids.is_empty() {
        return Ok(Recorded::new());
    }
    let keys = [(idempotency_record::Column::ExternalId, ids)];
    let select = backend.of_keys::<idempotency_record::Entity>(tenant, keys)?;
    let found = idempotency_record::Entity::find().from_raw_sql(select).all(transaction).await?;
    Ok(found.into_iter().map(|record| (record.external_id, record.fingerprint)).collect())
}

/// For each event of a batch, whether it is new. Fails with every event whose id was recorded with
/// other content, before it in the batch or ever.
pub(super) fn which_are_new(batch: &[PreparedEvent], recorded: &Recorded) -> Result<Vec<bool>> {
    let mut within: HashMap<&str, &Fingerprint> = HashMap::new();
    let mut fresh = Vec::with_capacity(batch.len());
    let mut problems = Vec::new();
    for (index, prepared) in batch.iter().enumerate() {
        let (Some(id), Some(fingerprint)) = (prepared.external_id(), &prepared.fingerprint) else {
            fresh.push(true);
            continue;
        };
        let is_same = match recorded.get(id) {
            Some(earlier) => Some(fingerprint.is(earlier)),
            None => within.get(id).map(|earlier| *earlier == fingerprint),
        };
        if is_same == Some(false) {
            problems.push(Problem {
                index,
                code: Code::Conflict,
                message: format!("id {id:?} was recorded before, with other content"),
            });
        }
        fresh.push(is_same.is_none());
        within.entry(id).or_insert(fingerprint);
    }
    if problems.is_empty() { Ok(fresh) } else { Err(Error::batch(problems)) }
}
