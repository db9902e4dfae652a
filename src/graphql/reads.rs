//! What a request reads of the log, gathered while it is executed and written down before it is
//! answered.

use std::sync::{Arc, Mutex, PoisonError};

use async_graphql::{Context, Name, PathSegment, Pos, Response, ServerError, Value};

use crate::domain::json::{Json, Members};
use crate::domain::kind::EventType;
use crate::domain::read::Read;
use crate::domain::tenant::Tenant;
use crate::error::{Error, Result};
use crate::reads::{Reader, Reads};

/// What one request has read so far.
#[derive(Clone, Default)]
pub(super) struct Collector(Arc<Mutex<Collected>>);

#[derive(Default)]
struct Collected {
    done: Vec<Done>,
    /// The settings by which it was read.
    tenant: Option<Arc<Tenant>>,
    refused: Vec<Read>,
}

/// A field that read the log.
struct Done {
    /// What it is called in the answer.
    key: String,
    at: Pos,
    read: Read,
}

/// Notes that the field being resolved has read the log. Whoever reads events must call it.
pub(super) fn note(
    ctx: &Context<'_>,
    tenant: &Arc<Tenant>,
    count: usize,
    total_count: Option<u64>,
) -> Result<()> {
    let read = Read { count, total_count, ..asked(ctx)? };
    let (key, at) = (ctx.item.node.response_key().node.to_string(), ctx.item.pos);
    ctx.data_unchecked::<Collector>().with(|collected| {
        collected.done.push(Done { key, at, read });
        collected.tenant = Some(Arc::clone(tenant));
    });
    Ok(())
}

/// Notes that the field being resolved is refused for want of a right.
pub(super) fn note_refused(ctx: &Context<'_>) -> Result<()> {
    let read = asked(ctx)?;
    ctx.data_unchecked::<Collector>().with(|collected| collected.refused.push(read));
    Ok(())
}

/// What the field being resolved asks for.
pub(super) fn asked(ctx: &Context<'_>) -> Result<Read> {
    let field = ctx.field();
    let given = field.arguments().map_err(|error| Error::bad_input(error.message))?;
    let given = given.into_iter().filter(|(_, value)| *value != Value::Null);
    let arguments = given.map(|(name, value)| (name.to_string(), plain(value))).collect();
    Ok(Read { field: field.name().to_owned(), arguments, count: 0, total_count: None })
}

impl Collector {
    fn with<T>(&self, work: impl FnOnce(&mut Collected) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Writes down what was read. When that fails, what was read is taken out of the answer again.
    pub async fn settle(
        &self,
        mut response: Response,
        reads: &Reads,
        reader: Reader<'_>,
        order: &[Name],
    ) -> Response {
        let Collected { mut done, tenant, refused } = self.with(std::mem::take);
        reads.record_refusal(reader, EventType::View, refused).await;
        let Some(tenant) = tenant else { return response };
        // Fields are resolved at the same time.
        done.sort_by_key(|done| order.iter().position(|name| *name == done.key));
        let (fields, done): (Vec<_>, Vec<_>) =
            done.into_iter().map(|Done { key, at, read }| ((key, at), read)).unzip();
        if let Err(error) = reads.record(&tenant, reader, done).await {
            let error = Arc::new(error);
            for (key, at) in fields {
                let mut said = ServerError::new(error.to_string(), Some(at));
                said.source = Some(error.clone());
                said.path = vec![PathSegment::Field(key)];
                response.errors.push(said);
            }
        }
        response
    }
}

/// A value as it was given: an enum's word as text.
fn plain(value: Value) -> Json {
    match value {
        Value::Null | Value::Binary(_) => Json::Null,
        Value::Boolean(flag) => Json::Bool(flag),
        Value::Number(number) => Json::Number(number.to_string()),
        Value::String(text) => Json::String(text),
        Value::Enum(word) => Json::String(word.to_string()),
        Value::List(items) => Json::Array(items.into_iter().map(plain).collect()),
        Value::Object(members) => {
            let members: Members =
                members.into_iter().map(|(key, value)| (key.to_string(), plain(value))).collect();
            Json::Object(members)
        }
    }
}
