//! Answers to connections that are not let in, or that took too long over their headers: short ones,
//! written by hand, because there is no request to answer.

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::register::Full;
use crate::error::Code;

/// How many are told at once why they are turned away; the others are only closed.
const TOLD_AT_ONCE: usize = 64;

/// How long a client may take to read its last answer and stop sending. If the connection were closed
/// while it sends, it would be reset, and the client might never see the answer.
const LINGER: Duration = Duration::from_secs(1);

/// Who is being told that they are turned away.
pub struct TurnedAway(Arc<Semaphore>);

impl Default for TurnedAway {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(TOLD_AT_ONCE)))
    }
}

impl TurnedAway {
    /// Says why, without holding up who comes next.
    pub fn tell(&self, stream: TcpStream, full: Full) {
        let Ok(permit) = Arc::clone(&self.0).try_acquire_owned() else { return };
        tokio::spawn(async move {
            let message = match full {
                Full::InAll(max) => {
                    format!(
                        "the server has {max} connections, which is max_connections; try again soon"
                    )
                }
                Full::OfAddress(max) => format!(
                    "your address has {max} connections, which is max_connections_per_address; use those"
                ),
            };
            let status = StatusCode::SERVICE_UNAVAILABLE;
            last_words(stream, status, Code::ServiceUnavailable, &message).await;
            drop(permit);
        });
    }
}

/// Tells a client that it took too long, and closes.
pub async fn too_slow(stream: TcpStream, limit: Duration) {
    let message =
        format!("the request's headers did not arrive within {limit:?}, which is header_timeout");
    last_words(stream, StatusCode::REQUEST_TIMEOUT, Code::BadUserInput, &message).await;
}

/// Answers and closes.
async fn last_words(mut stream: TcpStream, status: StatusCode, code: Code, message: &str) {
    let code = code.as_str();
    let body = format!(r#"{{"errors":[{{"code":"{code}","message":"{message}"}}]}}"#);
    let retry = match status {
        StatusCode::SERVICE_UNAVAILABLE => "retry-after: 2\r\n",
        _ => "",
    };
    let answer = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\n{retry}connection: close\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    let said = async {
        stream.write_all(answer.as_bytes()).await?;
        stream.shutdown().await
    };
    if let Ok(Ok(())) = timeout(LINGER, said).await {
        linger(stream).await;
    }
}

/// Lets a client read what it was answered, before the connection is closed.
pub async fn linger(mut stream: TcpStream) {
    let mut unwanted = [0; 4 * 1024];
    let until_the_end =
        async { while stream.read(&mut unwanted).await.is_ok_and(|length| length > 0) {} };
    // In either case it is over now.
    let _ = timeout(LINGER, until_the_end).await;
}
