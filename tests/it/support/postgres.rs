//! PostgreSQL for the tests: one temporary server a run, a database a test.
//!
//! The server is started from the installed binaries and goes away with the test process, however
//! that ends. `AUDITLOG_TEST_POSTGRES_BIN` names the folder of other binaries,
//! `AUDITLOG_TEST_POSTGRES_URL` a running server to use instead, and `AUDITLOG_TEST_CITUS_URL` one that has
//! the Citus extension, in which every test's tables are distributed.

use std::io::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use auditlog::store::Database;
use sea_orm::{ConnectionTrait as _, Database as SeaDatabase, DatabaseConnection};
use tokio::sync::OnceCell;

const INSTALL: &str = "the tests need PostgreSQL's server programs (initdb, pg_ctl): \
                       install Debian's package `postgresql` or the like, \
                       name the folder that has them in AUDITLOG_TEST_POSTGRES_BIN, \
                       or name a running server in AUDITLOG_TEST_POSTGRES_URL";

/// The server of this run, with a migrated template that databases are copied from.
struct Server {
    /// The URL up to the database's name.
    base: String,
    /// None where one is used that runs already.
    _own: Option<Temporary>,
}

static SERVER: OnceCell<Server> = OnceCell::const_new();
static NUMBER: AtomicU32 = AtomicU32::new(0);

/// The URL of a new, migrated database.
pub async fn new_database() -> String {
    if let Some(base) = citus() {
        return new_distributed_database(&base).await;
    }
    let server = SERVER.get_or_init(Server::start).await;
    let name =
        format!("auditlog_test_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
    let admin = connect(&server.url("postgres")).await;
    let create = format!("CREATE DATABASE {name} TEMPLATE {}", template());
    // Copying takes a lock on the template, and fails rather than waits for it.
    let mut tries = 0;
    while let Err(error) = admin.execute_unprepared(&create).await {
        tries += 1;
        assert!(tries < 200, "a test database cannot be made: {error}");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    admin.close().await.unwrap();
    server.url(&name)
}

/// The URL up to the database's name of a server with Citus, if one is to be used.
pub fn citus() -> Option<String> {
    let url = std::env::var("AUDITLOG_TEST_CITUS_URL").ok()?;
    Some(url.rsplit_once('/').map_or(url.clone(), |(base, _)| base.to_owned()))
}

/// A migrated database on a Citus of one node, which holds shards itself. It cannot be copied from another
/// one: where shards are is not copied.
async fn new_distributed_database(base: &str) -> String {
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let name = format!("auditlog_test_{}_{number}", std::process::id());
    let admin = connect(&format!("{base}/postgres")).await;
    admin.execute_unprepared(&format!("CREATE DATABASE {name}")).await.unwrap();
    admin.close().await.unwrap();
    let url = format!("{base}/{name}");
    let own = connect(&url).await;
    for sql in [
        "CREATE EXTENSION citus",
        "SELECT citus_set_coordinator_host('localhost', current_setting('port')::int)",
        "SELECT citus_set_node_property('localhost', current_setting('port')::int, 'shouldhaveshards', true)",
        &format!("ALTER DATABASE {name} SET citus.propagate_set_commands = 'local'"),
        &format!("ALTER DATABASE {name} SET plan_cache_mode = force_custom_plan"),
    ] {
        own.execute_unprepared(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }
    own.close().await.unwrap();
    let database = Database::connect(&url).await.unwrap();
    database.migrate().await.unwrap();
    database.close().await.unwrap();
    url
}

fn template() -> String {
    format!("auditlog_template_{}", std::process::id())
}

async fn connect(url: &str) -> DatabaseConnection {
    let mut options = sea_orm::ConnectOptions::new(url);
    options.max_connections(1).sqlx_logging(false);
    SeaDatabase::connect(options).await.unwrap_or_else(|error| panic!("{url}: {error}"))
}

impl Server {
    async fn start() -> Self {
        let server = match std::env::var("AUDITLOG_TEST_POSTGRES_URL") {
            Ok(url) => {
                let base = url.rsplit_once('/').map_or(url.as_str(), |(base, _)| base);
                Self { base: base.to_owned(), _own: None }
            }
            Err(_) => {
                let start = tokio::task::spawn_blocking(|| Temporary::start(400));
                let server = start.await.unwrap();
                Self { base: server.base(), _own: Some(server) }
            }
        };
        let admin = connect(&server.url("postgres")).await;
        let create = format!("CREATE DATABASE {}", template());
        admin.execute_unprepared(&create).await.unwrap();
        admin.close().await.unwrap();
        let database = Database::connect(&server.url(&template())).await.unwrap();
        database.migrate().await.unwrap();
        database.close().await.unwrap();
        server
    }

    fn url(&self, database: &str) -> String {
        format!("{}/{database}", self.base)
    }
}

/// How our own servers are set; unless it is said before the first one, they do not wait for the disk.
pub static SETTINGS: OnceLock<&str> = OnceLock::new();

/// A server of our own: on a free port, gone when we are or it is dropped.
pub struct Temporary {
    programs: PathBuf,
    /// Who runs it, if not we.
    pub user: Option<String>,
    pub directory: PathBuf,
    port: u16,
    options: String,
    /// Ends with this process, and ends the server.
    _watchdog: Child,
}

impl Temporary {
    /// A server that runs, with this many connections.
    pub fn start(max_connections: u32) -> Self {
        let programs = programs();
        let directory =
            tempfile::Builder::new().prefix("auditlog-test-postgres-").tempdir().unwrap();
        // The watchdog removes it: this process may end without running any destructor.
        let directory = directory.keep();
        let user = unprivileged(&directory);
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let settings = SETTINGS.get_or_init(|| "-c fsync=off -c shared_buffers=64MB");
        let options = format!(
            "-p {port} -k {} -c listen_addresses=127.0.0.1 -c max_connections={max_connections} {settings}",
            directory.display()
        );
        let stop = as_user(user.as_deref(), &programs.join("pg_ctl"));
        let watchdog = watchdog(&stop, &directory.join("data"), &directory);
        let server = Self { programs, user, directory, port, options, _watchdog: watchdog };
        let new = ["-U", "auditlog", "-A", "trust", "-E", "UTF8", "--no-locale", "-N"];
        server.run("initdb", &new);
        server.start_again();
        server
    }

    /// The URL up to the database's name.
    pub fn base(&self) -> String {
        format!("postgres://auditlog@127.0.0.1:{}", self.port)
    }

    /// The URL of a new database in which there is nothing yet.
    pub async fn new_database(&self, name: &str) -> String {
        let admin = connect(&format!("{}/postgres", self.base())).await;
        admin.execute_unprepared(&format!("CREATE DATABASE {name}")).await.unwrap();
        admin.close().await.unwrap();
        format!("{}/{name}", self.base())
    }

    /// Stops it: `immediate` as a crash would, `fast` as an operator does.
    pub fn stop(&self, mode: &str) {
        self.run("pg_ctl", &["-m", mode, "-w", "stop"]);
    }

    /// Starts it after it was stopped, at the same port.
    pub fn start_again(&self) {
        let log = self.directory.join("log");
        let log = log.to_str().unwrap();
        self.run("pg_ctl", &["-o", &self.options, "-l", log, "-w", "start"]);
    }

    /// Stops all its processes where they are, as a machine does that hangs, until this is dropped.
    pub fn stand_still(&self) -> StandingStill {
        let file = std::fs::read_to_string(self.directory.join("data/postmaster.pid")).unwrap();
        let first: u32 = file.lines().next().unwrap().parse().unwrap();
        let mut still = StandingStill(vec![first]);
        // The first one first: then no further ones come.
        still.signal("STOP");
        let children = std::fs::read_dir("/proc").unwrap().filter_map(|entry| {
            let process: u32 = entry.unwrap().file_name().to_str()?.parse().ok()?;
            let state = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
            let parent = state.rsplit_once(") ")?.1.split(' ').nth(1)?.parse::<u32>().ok()?;
            (parent == first).then_some(process)
        });
        still.0.extend(children);
        still.signal("STOP");
        still
    }

    fn run(&self, program: &str, arguments: &[&str]) {
        let mut command = as_user(self.user.as_deref(), &self.programs.join(program));
        command.arg("-D").arg(self.directory.join("data")).args(arguments);
        let output = command.current_dir(&self.directory).output().unwrap();
        assert!(
            output.status.success(),
            "{program} failed: {}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

/// The processes of a server that stand still.
pub struct StandingStill(Vec<u32>);

impl StandingStill {
    /// One may have ended meanwhile.
    fn signal(&self, name: &str) {
        let all: Vec<String> = self.0.iter().map(u32::to_string).collect();
        let script = format!("kill -{name} {}", all.join(" "));
        Command::new("sh").args(["-c", &script]).stderr(Stdio::null()).status().unwrap();
    }
}

impl Drop for StandingStill {
    fn drop(&mut self) {
        self.signal("CONT");
    }
}

/// A process that waits for the end of ours (its standard input closes, even when we are killed),
/// then stops the server and removes its files.
fn watchdog(pg_ctl: &Command, data: &Path, directory: &Path) -> Child {
    let mut words: Vec<String> = vec![pg_ctl.get_program().to_string_lossy().into_owned()];
    words.extend(pg_ctl.get_args().map(|word| word.to_string_lossy().into_owned()));
    let script = format!(
        "trap '' INT TERM; read -r _; {} -D {} -m immediate stop >/dev/null 2>&1; rm -rf {}",
        words.join(" "),
        data.display(),
        directory.display()
    );
    let mut child = Command::new("sh")
        .args(["-c", &script])
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    child.stdin.as_mut().unwrap().flush().unwrap();
    child
}

/// Where `initdb` and `pg_ctl` are: where it is said, where Debian puts them, or on the path.
pub fn programs() -> PathBuf {
    if let Some(folder) = std::env::var_os("AUDITLOG_TEST_POSTGRES_BIN") {
        return folder.into();
    }
    let on_path = std::env::var_os("PATH")
        .into_iter()
        .flat_map(|path| std::env::split_paths(&path).collect::<Vec<_>>());
    let mut versions: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().path().join("bin"))
        .collect();
    versions.sort();
    versions
        .into_iter()
        .rev()
        .chain(on_path)
        .find(|folder| folder.join("initdb").exists() && folder.join("pg_ctl").exists())
        .unwrap_or_else(|| panic!("{INSTALL}"))
}

/// PostgreSQL refuses to run as root: then an unprivileged user runs it, and owns its files.
fn unprivileged(directory: &Path) -> Option<String> {
    let id = Command::new("id").arg("-u").output().unwrap();
    if id.stdout.trim_ascii() != b"0" {
        return None;
    }
    let exists = |user: &&str| Command::new("id").arg(user).output().unwrap().status.success();
    let user = ["postgres", "nobody"].into_iter().find(exists).expect("an unprivileged user");
    let given = Command::new("chown").arg(user).arg(directory).status().unwrap();
    assert!(given.success(), "the server's folder cannot be given to {user}");
    Some(user.to_owned())
}

fn as_user(user: Option<&str>, program: &Path) -> Command {
    match user {
        None => Command::new(program),
        Some(user) => {
            let mut command = Command::new("setpriv");
            command
                .arg(format!("--reuid={user}"))
                .arg(format!("--regid={user}"))
                .arg("--clear-groups")
                .arg(program);
            command
        }
    }
}
