//! A network between the server and PostgreSQL that loses what it carries.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Carries connections, for as long as the test runs.
pub struct Proxy {
    url: String,
    passes: watch::Sender<bool>,
    connections: Arc<Mutex<Connections>>,
}

/// Connections by their number, in the order in which they came.
#[derive(Default)]
struct Connections {
    next: usize,
    forgotten: BTreeSet<usize>,
}

impl Proxy {
    /// One to the server of a database's URL.
    pub async fn to(url: &str) -> Self {
        let (before, rest) = url.split_once('@').unwrap();
        let (address, name) = rest.split_once('/').unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let own = listener.local_addr().unwrap();
        let (passes, passing) = watch::channel(true);
        let connections = Arc::<Mutex<Connections>>::default();
        let (known, address) = (Arc::clone(&connections), address.to_owned());
        tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let Ok(server) = TcpStream::connect(&address).await else { continue };
                let number = known.lock().unwrap().next;
                known.lock().unwrap().next += 1;
                let known = (Arc::clone(&known), number);
                let ((from, to), (back, forth)) = (client.into_split(), server.into_split());
                tokio::spawn(carry(from, forth, passing.clone(), known.clone()));
                tokio::spawn(carry(back, to, passing.clone(), known));
            }
        });
        Self { url: format!("{before}@{own}/{name}"), passes, connections }
    }

    /// The database's URL by this way.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Whether it carries anything, or keeps it.
    pub fn pass(&self, passes: bool) {
        self.passes.send_replace(passes);
    }

    /// Carries nothing any more on what is open now, but for one, and says so to nobody.
    pub fn forget_all_but(&self, kept: Option<usize>) {
        let mut connections = self.connections.lock().unwrap();
        let open = (0..connections.next).filter(|number| Some(*number) != kept);
        connections.forgotten.extend(open);
    }
}

async fn carry(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut passing: watch::Receiver<bool>,
    (connections, number): (Arc<Mutex<Connections>>, usize),
) {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let Ok(length) = from.read(&mut buffer).await else { return };
        if length == 0 || passing.wait_for(|passes| *passes).await.is_err() {
            return;
        }
        let is_forgotten = connections.lock().unwrap().forgotten.contains(&number);
        if is_forgotten {
            // What comes is lost, and both stay open until the one that asks goes away.
            while from.read(&mut buffer).await.is_ok_and(|length| length > 0) {}
            return;
        }
        if to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}
