//! The media types that GraphQL is answered in, and which of them a client takes.

use axum::http::{HeaderMap, HeaderValue, header};

/// A media type of an answer. They differ in what its status says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Media {
    /// `application/json`: 200 whenever the request is well-formed, as clients of old expect.
    Json,
    /// `application/graphql-response+json`: 200 only when the operation was executed.
    GraphqlResponse,
}

impl Media {
    /// Which of them a client would rather have, by its Accept headers; JSON if it has none. None if
    /// it takes neither.
    pub fn accepted(headers: &HeaderMap) -> Option<Self> {
        let accepts = headers.get_all(header::ACCEPT).iter();
        if !headers.contains_key(header::ACCEPT) {
            return Some(Self::Json);
        }
        let ranges: Vec<&str> = accepts
            .filter_map(|value| value.to_str().ok())
            .flat_map(|text| text.split(','))
            .collect();
        let [json, response] =
            ["json", "graphql-response+json"].map(|subtype| quality(&ranges, subtype));
        match (json, response) {
            (0, 0) => None,
            // A client that names both alike knows both.
            (json, response) if response >= json => Some(Self::GraphqlResponse),
            _ => Some(Self::Json),
        }
    }

    /// As in `Content-Type`.
    pub const fn header(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Json => "application/json",
            Self::GraphqlResponse => "application/graphql-response+json; charset=utf-8",
        })
    }
}

/// How much somebody who names these media ranges would like `application/…`, in thousandths: by the
/// range that fits it most closely.
fn quality(ranges: &[&str], subtype: &str) -> u32 {
    let fitting = ranges.iter().filter_map(|range| {
        let mut parts = range.split(';').map(str::trim);
        let named = parts.next()?.to_ascii_lowercase();
        let closeness = match named.strip_prefix("application/") {
            Some(name) if name == subtype => 3,
            Some("*") => 2,
            _ if named == "*/*" => 1,
            _ => return None,
        };
        // JSON is the answer of those who take anything.
        if closeness < 3 && subtype != "json" {
            return None;
        }
        let (mut quality, mut is_utf8) = (1_000, true);
        for (name, value) in parts.filter_map(|part| part.split_once('=')) {
            match name.trim().to_ascii_lowercase().as_str() {
                "q" => quality = thousandths(value.trim()),
                "charset" => is_utf8 = value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8"),
                _ => {}
            }
        }
        is_utf8.then_some((closeness, quality))
    });
    fitting.max().map_or(0, |(_, quality)| quality)
}

/// A weight from 0 to 1; what is none counts as nothing said.
fn thousandths(text: &str) -> u32 {
    match text.parse::<f32>() {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // it is from 0 to 1000
        Ok(weight) if (0.0..=1.0).contains(&weight) => (weight * 1_000.0) as u32,
        _ => 1_000,
    }
}
