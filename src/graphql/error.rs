//! Errors on the wire: the one place where they get their codes, and where what is not for clients
//! is kept back.

use async_graphql::{ErrorExtensionValues, Name, PathSegment, Response, ServerError, Value};

use crate::domain::json::shortened;
use crate::error::{ClientError, Code, Error, Problem, Unavailable};

/// How many errors an answer lists. Validation may find one for every word of a document.
const MAX_ERRORS: usize = 50;

/// How long the message of an error is that we did not word. It may repeat what the client sent.
const MAX_MESSAGE: usize = 1_000;

/// Gives each error of a response its `extensions.code`. An error that our own code did not make is
/// either the document's fault, or would show what is not for clients and is replaced.
pub fn finish(mut response: Response) -> Response {
    failed_roots_are_null(&mut response);
    response.errors.truncate(MAX_ERRORS);
    for error in &mut response.errors {
        let ours: Option<&Error> = error.source();
        let (code, problems) = match ours {
            Some(Error::Client(ClientError { code, problems, .. })) => (*code, problems.as_slice()),
            Some(Error::Internal(internal)) => {
                tracing::error!(error = internal.for_the_log(), "a request failed");
                (ours.map_or(Code::InternalServerError, Error::code), [].as_slice())
            }
            None if error.source.is_none() => {
                error.message = shortened(&error.message, MAX_MESSAGE).to_owned();
                (Code::BadUserInput, [].as_slice())
            }
            None => {
                tracing::error!(error = error.message, "a request failed");
                error.message = Error::internal("resolving", "unknown").to_string();
                (Code::InternalServerError, [].as_slice())
            }
        };
        let mut extensions = ErrorExtensionValues::default();
        extensions.set("code", code.as_str());
        if !problems.is_empty() {
            extensions.set("errors", Value::List(problems.iter().map(problem).collect()));
        }
        error.extensions = Some(extensions);
    }
    response
}

/// Why nothing at all could be answered, when it is for something that will pass: the reason
/// that lasts longest.
pub fn unavailable(response: &Response) -> Option<Unavailable> {
    let answered = match &response.data {
        Value::Object(data) => data.values().any(|value| *value != Value::Null),
        data => *data != Value::Null,
    };
    let whys: Option<Vec<Unavailable>> =
        response.errors.iter().map(|error| error.source::<Error>()?.why_unavailable()).collect();
    let whys = whys.filter(|_| !answered)?;
    whys.into_iter().max_by_key(|why| why.retry_after())
}

/// A root field that failed, or below which something did, is null in the answer; async-graphql leaves
/// what failed out. (All root fields are nullable, and nothing between them and what may fail is.)
fn failed_roots_are_null(response: &mut Response) {
    for error in &response.errors {
        if let Some(PathSegment::Field(root)) = error.path.first() {
            if response.data == Value::Null {
                response.data = Value::Object(Default::default());
            }
            if let Value::Object(data) = &mut response.data {
                data.insert(Name::new(root), Value::Null);
            }
        }
    }
}

/// The code of a response to a request that was not executed; none if it was, whatever failed then.
pub fn code(response: &Response) -> Option<&str> {
    let error = response.errors.first().filter(|_| response.data == Value::Null)?;
    match error.extensions.as_ref()?.get("code")? {
        Value::String(code) => Some(code),
        _ => None,
    }
}

/// The response to a request that was not executed.
pub fn failure(error: Error) -> Response {
    let message = error.to_string();
    let mut server_error = ServerError::new(message, None);
    server_error.source = Some(std::sync::Arc::new(error));
    finish(Response::from_errors(vec![server_error]))
}

fn problem(problem: &Problem) -> Value {
    let Problem { index, code, message } = problem;
    let members = [
        ("index", Value::from(*index)),
        ("code", Value::from(code.as_str())),
        ("message", Value::from(message.as_str())),
    ];
    Value::Object(members.into_iter().map(|(key, value)| (Name::new(key), value)).collect())
}
