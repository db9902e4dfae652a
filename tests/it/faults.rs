//! What goes wrong around a server, and what it then keeps and says. Every test runs the real binary,
//! but for the clock's, which a test can only set in its own process.

mod abandoned;
mod clock;
mod disk_full;
mod exhausted;
mod killed;
mod ledger;
mod load;
mod postgres_away;
mod silent;
mod vanishing;

use std::time::{Duration, Instant};

use crate::support::binary::{Installation, Server};

/// Within what the server promises to answer, five seconds, and two more for a machine with much else to do.
const SOON: Duration = Duration::from_secs(5 + 2);

const QUERY: &str = "{ auditLog { total_count } }";

const SERVE: [&str; 3] = ["serve", "--listen", "127.0.0.1:0"];

/// A tenant `acme`, the key of its owner, and that of an application that records.
fn set_up(installation: &Installation) -> (String, String) {
    let ann = installation.set_up();
    installation.done(&["user", "create", "app", "--organization", "acme", "--can-record"]);
    (ann, installation.key_for("app"))
}

fn serve(installation: &Installation) -> Server {
    installation.command(&SERVE).serving()
}

/// Numbers that look random and are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit
    }
}

/// What the outside sees while a database is away: alive, not ready, 503 with a code, and all of it soon.
async fn is_unavailable(server: &Server, key: &str) {
    let began = Instant::now();
    assert_eq!(server.get("/healthz").await.0, 200);
    let (status, body) = server.get("/readyz").await;
    assert_eq!((status, body.as_str()), (503, "the database does not answer\n"));
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    let began = Instant::now();
    let (status, answer) = server.graphql(key, QUERY).await;
    let error = &answer["errors"][0];
    assert_eq!((status, &error["extensions"]["code"]), (503, &"SERVICE_UNAVAILABLE".into()));
    assert_eq!(
        error["message"],
        "the database does not answer at present: nothing was recorded or changed; try again in a moment"
    );
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
}

async fn wait_until(what: &str, condition: impl AsyncFn() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !condition().await {
        assert!(Instant::now() < end, "not within a minute: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
