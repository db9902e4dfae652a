//! What goes wrong around a server, and what it then keeps and says. Every test runs the real binary,
//! but for the clock's, which a test can only set in its own process.

mod clock;
mod disk_full;
mod exhausted;
mod killed;
mod ledger;
mod postgres_away;
mod vanishing;

use crate::support::binary::{Installation, Server};

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
