//! A client of a server in this process: requests go through the whole router, without a socket.

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use serde_json::{Value, json};
use tower::ServiceExt as _;

/// Somebody who sends requests with a credential.
#[derive(Clone)]
pub struct Client {
    router: Router,
    headers: Vec<(String, String)>,
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Client {
    /// Without a credential.
    pub fn anonymous(router: &Router) -> Self {
        Self { router: router.clone(), headers: Vec::new() }
    }

    /// With an API key or token as `Bearer`.
    pub fn bearer(router: &Router, credential: &str) -> Self {
        Self::anonymous(router).with("authorization", &format!("Bearer {credential}"))
    }

    /// The same person at another server.
    pub fn at(&self, router: &Router) -> Self {
        Self { router: router.clone(), headers: self.headers.clone() }
    }

    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub async fn send(
        &self,
        method: Method,
        uri: &str,
        content_type: Option<&str>,
        body: impl Into<Body>,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        if let Some(content_type) = content_type {
            request = request.header(header::CONTENT_TYPE, content_type);
        }
        let request = request.body(body.into()).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8(body.into()).unwrap(),
        }
    }

    pub async fn get(&self, uri: &str) -> Answer {
        self.send(Method::GET, uri, None, Body::empty()).await
    }

    /// Sends a GraphQL request by POST.
    pub async fn graphql(&self, query: &str, variables: Value) -> Answer {
        let body = json!({"query": query, "variables": variables}).to_string();
        self.send(Method::POST, "/graphql", Some("application/json"), body).await
    }

    /// The `data` of a GraphQL request that must succeed.
    pub async fn data(&self, query: &str, variables: Value) -> Value {
        let answer = self.graphql(query, variables).await.json();
        assert_eq!(answer.get("errors"), None, "{answer}");
        answer["data"].clone()
    }

    /// The data of a query without variables that must succeed.
    pub async fn query(&self, query: &str) -> Value {
        self.data(query, json!({})).await
    }

    /// The code of the first error of a GraphQL request that must fail.
    pub async fn error_code(&self, query: &str, variables: Value) -> String {
        let answer = self.graphql(query, variables).await.json();
        let code = &answer["errors"][0]["extensions"]["code"];
        code.as_str().unwrap_or_else(|| panic!("no error in {answer}")).to_owned()
    }

    /// Records events (one or a list) by REST.
    pub async fn record(&self, events: Value) -> Answer {
        let uri = "/v1/audit-events";
        self.send(Method::POST, uri, Some("application/json"), events.to_string()).await
    }

    /// Records events that must be acceptable.
    pub async fn recorded(&self, events: Value) -> Value {
        let answer = self.record(events).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        answer.json()
    }
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

/// JSON for a snapshot of a whole answer. (insta's own would respell numbers.)
pub fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap()
}
