//! The database's disk is full, and then there is room again.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::ledger::{Attempt, Batch, check, send_again};
use super::{SERVE, serve, set_up};
use crate::support::binary::{Installation, Server, http_client};
use crate::support::postgres::Temporary;
use crate::support::{On, TestDatabase, direct};

/// Records until there is no room, and a few more times; what was sent.
async fn record_until_full(server: &Server, app: &str, filling: usize) -> Vec<Batch> {
    let client = http_client();
    let mut batches = Vec::new();
    let mut refused = 0;
    while refused < 5 {
        assert!(batches.len() < 2_000, "it is never full");
        let mut batch = Batch::new(format!("full-{}", batches.len()), 3).filled(filling);
        match batch.send(&client, &server.url, app).await {
            Attempt::Acknowledged => {} // also later: a smaller write may find room
            Attempt::Unavailable(message, _) => {
                refused += 1;
                let says = [
                    "most likely because its disk is full: nothing was recorded",
                    "it may have been done or not",
                ];
                assert!(says.iter().any(|it| message.contains(it)), "{message}");
            }
            Attempt::Broken => panic!("the server is to stay"),
        }
        batches.push(batch);
    }
    batches
}

/// Holds that a server that was full records again, and what it acknowledged.
async fn check_recovery(
    mut batches: Vec<Batch>,
    installation: &Installation,
    server: &Server,
    (ann, app): (&str, &str),
) {
    // What was acknowledged while it was full is there, whatever comes later.
    check(&batches, installation, ann).await;
    send_again(&mut batches, server, app).await;
    assert_eq!(check(&batches, installation, ann).await, batches.len());
    assert_eq!(server.graphql(ann, "{ auditLog { total_count } }").await.0, 200);
}

/// The size that no file of a process may exceed. (What every process may set for its own.)
fn limit_files(process: u32, bytes: Option<u64>) {
    let bytes = bytes.map_or_else(|| "unlimited".to_owned(), |bytes| bytes.to_string());
    let limit = format!("--fsize={bytes}:");
    let process = process.to_string();
    let set = Command::new("prlimit").args(["--pid", &process, &limit]).status();
    assert!(set.expect("prlimit, which is part of util-linux").success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_without_room_acknowledges_nothing_and_recovers() {
    let installation = Installation::new(On::Sqlite).await;
    let (ann, app) = set_up(&installation);
    // Without a signal's help: a write beyond the limit fails, as on a full disk.
    let mut server = installation.limited(&SERVE, "trap '' XFSZ").serving();
    let file = PathBuf::from(installation.url().strip_prefix("sqlite://").unwrap());
    let size = |file: &Path| std::fs::metadata(file).map_or(0, |data| data.len());
    let largest = size(&file).max(size(&file.with_extension("db-wal")));
    limit_files(server.process().id(), Some(largest + 400_000));
    let batches = record_until_full(&server, &app, 2_000).await;
    assert!(batches[0].is_acknowledged(), "there was some room");
    assert_eq!(server.get("/healthz").await.0, 200);
    // No entry, no data: a read would have to be written down.
    let (status, answer) = server.graphql(&ann, "{ auditLog { total_count } }").await;
    assert_eq!(
        (status, &answer["errors"][0]["extensions"]["code"]),
        (503, &"SERVICE_UNAVAILABLE".into())
    );

    limit_files(server.process().id(), None);
    check_recovery(batches, &installation, &server, (&ann, &app)).await;
    // It holds no lock, and what it acknowledged is there for good.
    installation.done(&["api-key", "create", "--user", "ann"]);
    server.process().kill();
    server.ended();
    serve(&installation);
}

/// A file system of a size; unmounted when the test ends.
struct Disk(PathBuf);

impl Disk {
    /// Nothing where this process may not mount anything, which takes an administrator.
    fn small(at: PathBuf) -> Option<Self> {
        std::fs::create_dir(&at).unwrap();
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=24m,mode=0777", "none"])
            .arg(&at)
            .output()
            .unwrap();
        if !mount.status.success() {
            println!("left out: {}", String::from_utf8_lossy(&mount.stderr));
            return None;
        }
        Some(Self(at))
    }

    fn make_room(&self) {
        let grown = Command::new("mount").args(["-o", "remount,size=200m"]).arg(&self.0).status();
        assert!(grown.unwrap().success());
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // The files of a server that still runs are in it: it goes when they are closed.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// Fills the disk that a database is on, and holds that nothing is lost and all recovers.
async fn fill(disk: &Disk, database: TestDatabase) {
    let installation = Installation::over(database);
    let (ann, app) = set_up(&installation);
    let server = serve(&installation);
    let batches = record_until_full(&server, &app, 60_000).await;
    assert!(batches[0].is_acknowledged(), "there was some room");
    assert_eq!(server.get("/healthz").await.0, 200);
    disk.make_room();
    check_recovery(batches, &installation, &server, (&ann, &app)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_on_a_full_disk_acknowledges_nothing_and_recovers() {
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = Disk::small(folder.path().join("disk")) else { return };
    let url = format!("sqlite://{}", disk.0.join("auditlog.db").display());
    fill(&disk, TestDatabase::at(On::Sqlite, url)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_on_a_full_disk_acknowledges_nothing_and_recovers() {
    let postgres = tokio::task::spawn_blocking(|| Temporary::start(60)).await.unwrap();
    let Some(disk) = Disk::small(postgres.directory.join("disk")) else { return };
    let url = postgres.new_database("filled").await;
    let folder = disk.0.join("space");
    std::fs::create_dir(&folder).unwrap();
    if let Some(user) = &postgres.user {
        assert!(Command::new("chown").arg(user).arg(&folder).status().unwrap().success());
    }
    let admin = direct::connect(&format!("{}/postgres", postgres.base())).await;
    let create = format!("CREATE TABLESPACE small LOCATION '{}'", folder.display());
    direct::run(&admin, &create).await;
    direct::run(&admin, "ALTER DATABASE filled SET TABLESPACE small").await;
    fill(&disk, TestDatabase::at(On::Postgres, url)).await;
    tokio::task::block_in_place(|| postgres.stop("immediate"));
}
