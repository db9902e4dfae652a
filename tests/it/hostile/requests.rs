//! Requests that somebody made up to do harm, other than by their document.

use serde_json::{Value, json};

use crate::support::ways::RECORD_BY_GRAPHQL;
use crate::support::world::{event, event_with};

/// A request, whatever it is. What is not said is that of an ordinary one.
#[derive(Clone)]
pub struct Request {
    pub method: &'static str,
    pub path: String,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
}

const MIB: usize = 1024 * 1024;

/// Each by its name.
pub fn all() -> Vec<(&'static str, Request)> {
    let mut all = variables();
    all.extend(bodies());
    all.extend(media_types());
    all.extend(methods_and_urls());
    all.extend(headers());
    all.extend(arguments());
    all.extend(batches());
    all.extend(lines());
    all.extend(exports());
    all
}

/// A GraphQL request by POST, with this body.
fn post(body: impl Into<Vec<u8>>) -> Request {
    let headers = vec![("content-type", "application/json".to_owned())];
    Request { method: "POST", path: "/graphql".to_owned(), headers, body: body.into() }
}

fn ask(query: &str, variables: Value) -> Request {
    post(json!({"query": query, "variables": variables}).to_string())
}

fn with_a(value: &str) -> Request {
    let query = "query($a:[ID!]){auditLog(acting_user_ids:$a){total_count}}";
    post(format!("{{\"query\":{query:?},\"variables\":{{\"a\":{value}}}}}"))
}

fn get(path: impl Into<String>) -> Request {
    Request { method: "GET", path: path.into(), headers: Vec::new(), body: Vec::new() }
}

fn record(content_type: &str, body: impl Into<Vec<u8>>) -> Request {
    let headers = vec![("content-type", content_type.to_owned())];
    Request { method: "POST", path: "/v1/audit-events".to_owned(), headers, body: body.into() }
}

fn with(mut request: Request, name: &'static str, value: impl Into<String>) -> Request {
    request.headers.retain(|(other, _)| *other != name);
    request.headers.push((name, value.into()));
    request
}

fn nested(open: &str, inner: &str, close: &str, levels: usize) -> String {
    format!("{}{inner}{}", open.repeat(levels), close.repeat(levels))
}

fn variables() -> Vec<(&'static str, Request)> {
    let used_often: String =
        (0..48).map(|i| format!("a{i}:auditLog(changed_field:$a){{visible_since}} ")).collect();
    let directives = "is_owner @skip(if:$a) ".repeat(90);
    vec![
        ("variables nested 69 levels", with_a(&nested("[", "", "]", 69))),
        ("variables nested 80 levels", with_a(&nested("[", "", "]", 80))),
        ("variables nested 100,000 levels", with_a(&nested("[", "", "]", 100_000))),
        ("objects nested 100,000 levels", with_a(&nested("{\"a\":", "1", "}", 100_000))),
        ("lists that do not end", with_a(&"[".repeat(MIB))),
        ("a million nulls", with_a(&format!("[{}null]", "null,".repeat(1_000_000)))),
        ("a million empty lists", with_a(&format!("[{}[]]", "[],".repeat(1_000_000)))),
        ("200,000 ids", with_a(&format!("[{}1]", "1,".repeat(200_000)))),
        (
            "an object of 100,000 keys",
            with_a(&format!(
                "{{{}\"z\":1}}",
                (0..100_000).map(|i| format!("\"{i}\":1,")).collect::<String>()
            )),
        ),
        ("a string of 15 MiB", with_a(&format!("\"{}\"", "x".repeat(15 * MIB)))),
        ("a string of 5 MiB of escapes", with_a(&format!("\"{}\"", "\\u00e9".repeat(5 * MIB / 6)))),
        ("a number of a million digits", with_a(&"9".repeat(1_000_000))),
        ("a number with an endless exponent", with_a("1e999999999999999999999")),
        (
            "a megabyte used 48 times",
            ask(&format!("query($a:String){{{used_often}}}"), json!({"a": "x".repeat(MIB)})),
        ),
        (
            "a megabyte in 90 directives",
            ask(
                &format!("query($a:Boolean!){{viewer{{{directives}}}}}"),
                json!({"a": "x".repeat(MIB)}),
            ),
        ),
        (
            "a megabyte where a word belongs",
            ask(
                "query($a:AuditEventType){auditLog(event_type:$a){total_count}}",
                json!({"a": "x".repeat(MIB)}),
            ),
        ),
        ("variables that nothing uses", ask("{__typename}", json!({"a": vec!["x"; 100_000]}))),
        ("the same variable twice", post(r#"{"query":"{__typename}","variables":{"a":1,"a":2}}"#)),
        ("U+0000 in a variable", post(r#"{"query":"{__typename}","variables":{"a":"\u0000"}}"#)),
        ("half a surrogate pair", post(r#"{"query":"{__typename}","variables":{"a":"\ud800"}}"#)),
        ("variables as a list", ask("{__typename}", json!([]))),
        ("variables as text", ask("{__typename}", json!("{}"))),
    ]
}

fn bodies() -> Vec<(&'static str, Request)> {
    let event = event("acme", "1");
    vec![
        ("an empty body", post("")),
        ("a body of blanks", post(" ".repeat(MIB))),
        ("a body of 17 MiB", post(vec![b' '; 17 * MIB])),
        ("a body that is cut off", post(r#"{"query":"{__typename}"#)),
        ("a body and something after it", post(r#"{"query":"{__typename}"} {}"#)),
        ("a body that is not UTF-8", post(b"{\"query\":\"\xff\xfe\"}".to_vec())),
        (
            "a body in UTF-16",
            post(
                "{\"query\":\"{a}\"}".encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>(),
            ),
        ),
        ("a body with a byte order mark", post("\u{feff}{\"query\":\"{__typename}\"}")),
        (
            "a body that is compressed",
            with(post(b"\x1f\x8b\x08\x00\x00\x00\x00\x00".to_vec()), "content-encoding", "gzip"),
        ),
        ("a body of zeros", post(vec![0; MIB])),
        ("a batch", post(r#"[{"query":"{__typename}"}]"#)),
        (
            "a batch of 10,000",
            post(format!("[{}{{}}]", r#"{"query":"{__typename}"},"#.repeat(10_000))),
        ),
        ("a query that is a number", post(r#"{"query":1}"#)),
        ("a query that is there twice", post(r#"{"query":"{a}","query":"{b}"}"#)),
        ("a query of U+0000", post(r#"{"query":"\u0000"}"#)),
        (
            "a name of an operation of a megabyte",
            post(
                json!({"query": "query Q{__typename}", "operationName": "x".repeat(MIB)})
                    .to_string(),
            ),
        ),
        (
            "extensions of a million values",
            post(format!(
                r#"{{"query":"{{__typename}}","extensions":{{"a":[{}1]}}}}"#,
                "1,".repeat(1_000_000)
            )),
        ),
        (
            "5,001 events by a mutation",
            ask(RECORD_BY_GRAPHQL, json!({"events": vec![event; 5_001]})),
        ),
        (
            "an event of two megabytes by a mutation",
            ask(
                RECORD_BY_GRAPHQL,
                json!({"events": [event_with("acme", "1", json!({"description": "x".repeat(2 * MIB)}))]}),
            ),
        ),
        (
            "a mutation in a query",
            ask("{createUser(input:{id:\"x\",organization_id:\"acme\"}){user{id}}}", json!({})),
        ),
        ("a stream of deferred parts", ask("{viewer{...@defer{is_owner}}}", json!({}))),
    ]
}

fn media_types() -> Vec<(&'static str, Request)> {
    let query = r#"{"query":"{__typename}"}"#;
    let typed = |content_type: &str| with(post(query), "content-type", content_type);
    let many = "text/html;q=0.1,".repeat(400) + "*/*";
    vec![
        ("text/plain", typed("text/plain")),
        (
            "a form",
            with(post("query={__typename}"), "content-type", "application/x-www-form-urlencoded"),
        ),
        ("a form of parts", typed("multipart/form-data; boundary=x")),
        ("application/graphql", typed("application/graphql")),
        ("an empty content type", typed("")),
        ("two content types in one", typed("text/plain, application/json")),
        ("a content type of 8 kilobytes", typed(&"x".repeat(8_000))),
        ("nothing acceptable", with(post(query), "accept", "image/png")),
        ("an Accept header of 400 ranges", with(post(query), "accept", many)),
        ("an Accept header of nonsense", with(post(query), "accept", ";;,,=;q=,/")),
    ]
}

fn methods_and_urls() -> Vec<(&'static str, Request)> {
    let by = |method| Request { method, ..post(r#"{"query":"{__typename}"}"#) };
    let mutation = "mutation%7BcreateUser(input:%7Bid:%22x%22,organization_id:%22acme%22%7D)%7Buser%7Bid%7D%7D%7D";
    vec![
        ("PUT", by("PUT")),
        ("DELETE", by("DELETE")),
        ("PATCH", by("PATCH")),
        ("TRACE", by("TRACE")),
        ("OPTIONS", by("OPTIONS")),
        ("a method that nobody knows", by("BREW")),
        ("a mutation by GET", get(format!("/graphql?query={mutation}"))),
        ("a subscription by GET", get("/graphql?query=subscription%7B__typename%7D")),
        ("a query twice by GET", get("/graphql?query=%7Ba%7D&query=%7Bb%7D")),
        ("a query by GET that is not UTF-8", get("/graphql?query=%ff%fe")),
        ("a query by GET of half an escape", get("/graphql?query=%")),
        (
            "lists by GET that do not end",
            get(format!("/graphql?query=%7Ba(b:{}", "%5B".repeat(10_000))),
        ),
        ("a query of 60 kilobytes by GET", get(format!("/graphql?query={}", "%20".repeat(20_000)))),
        (
            "variables by GET that do not end",
            get(format!("/graphql?query=%7B__typename%7D&variables={}", "%5B".repeat(10_000))),
        ),
        ("variables by GET as a list", get("/graphql?query=%7B__typename%7D&variables=%5B%5D")),
        ("extensions by GET as text", get("/graphql?query=%7B__typename%7D&extensions=%22%22")),
        ("no query by GET", get("/graphql")),
        ("10,000 parameters", get(format!("/graphql?{}", "a=1&".repeat(10_000)))),
        ("a path that is not there", get("/nothing")),
        ("a path that climbs", get("/playground/../../../../etc/passwd")),
        ("a path that climbs in escapes", get("/playground/%2e%2e/%2e%2e/etc/passwd")),
        ("a path of U+0000", get("/%00")),
        ("a path of two slashes", get("//graphql")),
        ("a path of 8 kilobytes", get(format!("/{}", "x".repeat(8_000)))),
    ]
}

fn headers() -> Vec<(&'static str, Request)> {
    let request = || post(r#"{"query":"{__typename}"}"#);
    let authorized = |credential: &str| with(request(), "authorization", credential);
    let mut twice = authorized("Bearer al_1");
    twice.headers.push(("authorization", "Bearer al_2".to_owned()));
    vec![
        ("a credential of 8 kilobytes", authorized(&format!("Bearer {}", "x".repeat(8_000)))),
        ("a key of 8 kilobytes", authorized(&format!("Bearer al_{}", "x".repeat(8_000)))),
        ("a token of dots", authorized(&format!("Bearer {}", ".".repeat(5_000)))),
        (
            "a token without a signature",
            authorized("Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbm4iLCJleHAiOjk5OTk5OTk5OTl9."),
        ),
        ("an empty credential", authorized("Bearer ")),
        ("a credential of another scheme", authorized("Digest x")),
        ("a password", authorized("Basic YW5uOmFubg==")),
        ("two credentials", twice),
        ("a request id of 8 kilobytes", with(request(), "x-request-id", "x".repeat(8_000))),
        ("a user agent of 8 kilobytes", with(request(), "user-agent", "\u{7e}".repeat(8_000))),
        (
            "an answer to an address that somebody claims",
            with(request(), "x-forwarded-for", "1.1.1.1, 2.2.2.2"),
        ),
        (
            "a version that nobody knows",
            with(request(), "healthie-graphql-api-version", "\u{7e}".repeat(1_000)),
        ),
    ]
}

fn arguments() -> Vec<(&'static str, Request)> {
    let log = |arguments: &str| {
        ask(&format!("{{auditLog({arguments}){{total_count nodes{{id}}}}}}"), json!({}))
    };
    let given = |name: &str, of: &str, value: Value| {
        ask(&format!("query($a:{of}){{auditLog({name}:$a){{total_count}}}}"), json!({"a": value}))
    };
    let words = (0..20_000).map(|i| format!("w{i} ")).collect::<String>();
    vec![
        ("a page of none", log("first:0")),
        ("a page of less than none", log("first:-1")),
        ("a page of too many", log("first:1001")),
        ("a page of 2^31", log("first:2147483648")),
        ("a page of 2^70", log("last:1180591620717411303424")),
        ("a page of a half", log("first:0.5")),
        ("both ends of a page", log("first:1 last:1")),
        ("a cursor of nonsense", log("after:\"nonsense\"")),
        ("a cursor of base64", log("after:\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"")),
        ("a cursor of a megabyte", given("after", "String", json!("A".repeat(MIB)))),
        ("an empty cursor", log("before:\"\"")),
        ("a cursor of U+0000", log("before:\"\\u0000\"")),
        ("an event's id of nonsense", ask("{auditEvent(id:\"../../etc\"){id}}", json!({}))),
        (
            "an event's id of a megabyte",
            ask("query($a:ID){auditEvent(id:$a){id}}", json!({"a": "x".repeat(MIB)})),
        ),
        ("both ids of an event", ask("{auditEvent(id:\"a\",external_id:\"b\"){id}}", json!({}))),
        ("an id of SQL", log("resource_id:\"1' OR '1'='1\" resource_name:TASK")),
        ("an id of 256 characters", given("acting_user_id", "ID", json!("x".repeat(256)))),
        ("1,001 ids", given("acting_user_ids", "[ID!]", json!(vec!["x"; 1_001]))),
        ("a search of 20,000 words", given("description", "String", json!(words))),
        ("a search of quotes", given("description", "String", json!("\"".repeat(10_000)))),
        ("a search of stars", given("description", "String", json!("* ".repeat(10_000)))),
        (
            "a search for what a database would read",
            given("description", "String", json!("NEAR(a b) OR x:* & !y <-> '")),
        ),
        ("an address that is none", log("ip_addresses:[\"999.1.1.1/99\"]")),
        ("a block of every address", log("ip_addresses:[\"::/0\",\"0.0.0.0/0\"]")),
        ("a URL of wildcards", given("url_prefixes", "[String!]", json!(vec!["%_%_%"; 1_000]))),
        (
            "a value of a megabyte",
            ask(
                "query($a:String){auditLog(changed_field:\"f\",value_after:$a){total_count}}",
                json!({"a": "x".repeat(MIB)}),
            ),
        ),
        ("a time at the end of all", log("occurred_after:\"9999-12-31T23:59:59.999999999-23:59\"")),
        (
            "a time of 10,000 digits",
            given(
                "occurred_after",
                "ISO8601DateTime",
                json!(format!("2026-01-01T00:00:00.{}Z", "9".repeat(10_000))),
            ),
        ),
        ("an organization of somebody else", log("organization_id:\"globex\"")),
    ]
}

fn batches() -> Vec<(&'static str, Request)> {
    let json = |body: Vec<u8>| record("application/json", body);
    let text = |body: String| json(body.into_bytes());
    let deep = |levels: usize| {
        let inner = nested("[", "", "]", levels);
        event("acme", "1").to_string().replacen(
            '{',
            &format!("{{\"metadata\":{{\"a\":{inner}}},"),
            1,
        )
    };
    let long_names = json!({"after": (0..50).fold(json!(1), |inner, _| json!({"x".repeat(1_000): inner, "y": 1}))});
    vec![
        ("no event", json(Vec::new())),
        ("an event that is no JSON", text("{".to_owned())),
        ("an event that is a number", text("1".to_owned())),
        ("a list of numbers", text("[1,2,3]".to_owned())),
        ("a list in lists that do not end", text("[".repeat(MIB))),
        ("an event nested 100,000 levels", text(deep(100_000))),
        ("an event nested 65 levels", text(deep(65))),
        ("5,001 events", text(Value::from(vec![event("acme", "1"); 5_001]).to_string())),
        ("5,000 events that are none", text(format!("[{}1]", "1,".repeat(4_999)))),
        ("an event of two megabytes", text(event_with("acme", "1", json!({"description": "x".repeat(2 * MIB)})).to_string())),
        ("events of 17 MiB", json(vec![b' '; 17 * MIB])),
        ("events that are not UTF-8", json(b"[{\"id\":\"\xff\"}]".to_vec())),
        ("an event of 500,000 zeros", text(event_with("acme", "1", json!({"metadata": {"a": vec![0; 500_000]}})).to_string())),
        ("an event of 40,000 fields", text(event_with("acme", "1", json!({"type": "CREATE", "after": (0..40_000).map(|i| (format!("f{i}"), json!(i))).collect::<serde_json::Map<_, _>>()})).to_string())),
        ("an event of names in names", text(event_with("acme", "1", json!({"type": "CREATE", "after": long_names["after"]})).to_string())),
        ("an event with a key twice", text(r#"{"organization_id":"acme","organization_id":"globex"}"#.to_owned())),
        ("an event with a key that nobody knows", text(event_with("acme", "1", json!({"__proto__": {}})).to_string())),
        ("an event of U+0000", text(event("acme", "1").to_string().replace("\"1\"", "\"\\u0000\""))),
        ("an event of half a surrogate pair", text(event("acme", "1").to_string().replace("\"1\"", "\"\\ud800\""))),
        ("an event of somebody else", text(event("globex", "1").to_string())),
        ("an event in the year 10000", text(event_with("acme", "1", json!({"occurred_at": "10000-01-01T00:00:00Z"})).to_string())),
        ("events as text", record("text/plain", event("acme", "1").to_string())),
    ]
}

fn lines() -> Vec<(&'static str, Request)> {
    let ndjson = |body: String| record("application/x-ndjson", body);
    let line = event("acme", "1").to_string() + "\n";
    vec![
        ("no line", ndjson(String::new())),
        ("a million empty lines", ndjson("\n".repeat(1_000_000))),
        ("5,001 lines", ndjson(line.repeat(5_001))),
        ("a line that is cut off", ndjson(format!("{line}{}", &line[..20]))),
        ("lines of nothing but brackets", ndjson("[\n".repeat(4_000))),
        ("a line of two megabytes", ndjson("x".repeat(2 * MIB))),
    ]
}

fn exports() -> Vec<(&'static str, Request)> {
    let export = |parameters: &str| get(format!("/v1/audit-events?{parameters}"));
    vec![
        ("an export in no format", export("")),
        ("an export in a format that nobody knows", export("format=xlsx")),
        ("an export in two formats", export("format=csv&format=ndjson")),
        ("an export by a filter that nobody knows", export("format=csv&nothing=1")),
        ("an export by a filter of nonsense", export("format=csv&event_type=NONSENSE")),
        ("an export by U+0000", export("format=csv&resource_id=%00&resource_name=TASK")),
        ("an export by what is not UTF-8", export("format=csv&description=%ff")),
        ("an export of a page", export("format=csv&first=1")),
        ("an export of somebody else", export("format=csv&organization_id=globex")),
        (
            "an export by 1,001 ids",
            export(&format!("format=csv&{}", "acting_user_ids=x&".repeat(1_001))),
        ),
    ]
}
