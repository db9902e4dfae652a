//! HTTP by hand, for what no client library would send.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::net::TcpSocket;

/// Longer than any answer takes, even on a machine with much else to do.
const PATIENCE: Duration = Duration::from_secs(60);

/// A connection whose every byte is the test's.
pub struct Raw {
    stream: TcpStream,
    /// What was read and belongs to the next answer.
    ahead: Vec<u8>,
}

/// An answer, taken apart.
#[derive(Debug)]
pub struct RawAnswer {
    pub status: u16,
    /// The status line and the headers.
    pub head: String,
    pub body: String,
}

impl RawAnswer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The code and the message of the one error there is.
    pub fn error(&self) -> (String, String) {
        let error = self.json()["errors"][0].take();
        let code = error.get("code").unwrap_or(&error["extensions"]["code"]);
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        (text(code), text(&error["message"]))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

impl Raw {
    pub fn connect(address: &str) -> Self {
        Self::over(TcpStream::connect(address).unwrap())
    }

    /// From a loopback address of its own, and with as small a buffer as the system gives for what is
    /// received.
    pub async fn connect_from(own: [u8; 4], address: &str) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4 * 1024).unwrap();
        socket.bind(SocketAddr::from((own, 0))).unwrap();
        let stream = socket.connect(address.parse().unwrap()).await.unwrap().into_std().unwrap();
        stream.set_nonblocking(false).unwrap();
        Self::over(stream)
    }

    fn over(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, ahead: Vec::new() }
    }

    #[track_caller]
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).unwrap();
    }

    /// Sends as much as the other side takes.
    pub fn try_to_send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.stream.write_all(bytes.as_ref());
    }

    /// Sends one byte at a time until the other side has had enough of it; whether it had.
    pub fn trickle(&mut self, byte: u8, pause: Duration, at_most: Duration) -> bool {
        let end = Instant::now() + at_most;
        self.stream.set_read_timeout(Some(pause)).unwrap();
        let mut had_enough = false;
        let mut some = [0; 1024];
        while !had_enough && Instant::now() < end {
            if self.stream.write_all(&[byte]).is_err() {
                had_enough = true;
                break;
            }
            match self.stream.read(&mut some) {
                Ok(length) => {
                    self.ahead.extend(&some[..length]);
                    had_enough = true;
                }
                Err(error) => had_enough = error.kind() == ErrorKind::ConnectionReset,
            }
        }
        self.stream.set_read_timeout(Some(PATIENCE)).unwrap();
        had_enough
    }

    /// Sends a GET without a body.
    #[track_caller]
    pub fn get(&mut self, path: &str, headers: &str) -> RawAnswer {
        self.send(format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n{headers}\r\n"));
        self.answer()
    }

    /// Reads one answer.
    #[track_caller]
    pub fn answer(&mut self) -> RawAnswer {
        let end = loop {
            if let Some(end) = self.ahead.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
            assert!(self.more(), "closed before its answer: {:?}", self.text());
        };
        let head = String::from_utf8(self.ahead.drain(..end).collect()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let mut answer = RawAnswer { status, head, body: String::new() };
        let length = answer.header("content-length").expect("a length").parse().unwrap();
        while self.ahead.len() < length {
            assert!(self.more(), "closed within its answer: {:?}", self.text());
        }
        answer.body = String::from_utf8(self.ahead.drain(..length).collect()).unwrap();
        answer
    }

    /// Reads up to this many bytes of whatever comes; how many came, none at the end.
    pub fn read(&mut self, at_most: usize) -> usize {
        let mut some = vec![0; at_most];
        self.stream.read(&mut some).unwrap()
    }

    /// Waits until the other side closes the connection; what it still sent.
    #[track_caller]
    pub fn closed(&mut self) -> String {
        while self.more() {}
        self.text()
    }

    #[track_caller]
    fn more(&mut self) -> bool {
        let mut some = [0; 16 * 1024];
        match self.stream.read(&mut some) {
            Ok(length) => {
                self.ahead.extend(&some[..length]);
                length > 0
            }
            Err(error) if error.kind() == ErrorKind::ConnectionReset => false,
            Err(error) => panic!("it neither answers nor closes: {error}"),
        }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.ahead).into_owned()
    }
}

/// A request with a JSON body of this length, up to its body.
pub fn head_of_post(path: &str, key: &str, length: usize) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {key}\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    )
}
