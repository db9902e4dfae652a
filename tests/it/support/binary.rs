//! The real binary, as an operator runs it: in a folder of its own, with nothing in its environment
//! that the test did not put there.

use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use auditlog::auth::Authenticator;
use auditlog::http;
use auditlog::store::Database;
use sea_orm::ConnectionTrait as _;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::client::Client;
use super::{On, TestClock, TestDatabase};

/// Longer than any command takes, even on a machine with much else to do.
const PATIENCE: Duration = Duration::from_secs(120);

/// A folder to run commands in, and perhaps a database that they are told of.
pub struct Installation {
    folder: TempDir,
    database: Option<TestDatabase>,
}

/// A command that is about to be run.
pub struct Run {
    command: Command,
    input: Vec<u8>,
}

/// A command that runs.
pub struct Running {
    child: Child,
    lines: Receiver<String>,
    stdout: Option<JoinHandle<()>>,
    stderr: Option<JoinHandle<String>>,
}

/// A command that has run.
#[derive(Debug)]
pub struct Ran {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

impl Installation {
    /// With a database of its own.
    pub async fn new(on: On) -> Self {
        let database = Some(TestDatabase::new(on).await);
        Self { database, ..Self::bare() }
    }

    /// With this database.
    pub fn over(database: TestDatabase) -> Self {
        Self { database: Some(database), ..Self::bare() }
    }

    /// With a database of its own in which there is nothing yet, not even a table.
    pub async fn unmigrated(on: On) -> Self {
        let installation = Self::new(on).await;
        if on == On::Postgres {
            let database = sea_orm::Database::connect(installation.url()).await.unwrap();
            let empty = "DROP SCHEMA public CASCADE; CREATE SCHEMA public";
            database.execute_unprepared(empty).await.unwrap();
            database.close().await.unwrap();
        }
        installation
    }

    /// With the settings' defaults.
    pub fn bare() -> Self {
        let folder = tempfile::Builder::new().prefix("auditlog-test-").tempdir().unwrap();
        std::fs::create_dir(folder.path().join("tmp")).unwrap();
        Self { folder, database: None }
    }

    /// A path in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file into the folder.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), content).unwrap();
    }

    /// What commands leave in the folder for temporary files.
    pub fn temporary_files(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.path("tmp")).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    }

    pub fn url(&self) -> &str {
        &self.database().url
    }

    pub fn database(&self) -> &TestDatabase {
        self.database.as_ref().expect("a database")
    }

    /// The binary with these arguments.
    pub fn command(&self, arguments: &[&str]) -> Run {
        let mut command = Command::new(env!("CARGO_BIN_EXE_auditlog"));
        command.args(arguments).current_dir(self.folder.path()).env_clear();
        command.env("TMPDIR", self.path("tmp"));
        if let Some(database) = &self.database {
            command.env("AUDITLOG_DATABASE_URL", &database.url);
        }
        Run { command, input: Vec::new() }
    }

    /// The same, started by a shell that first sets a limit, such as `ulimit -n 48`.
    pub fn limited(&self, arguments: &[&str], limit: &str) -> Run {
        let Run { command: binary, input } = self.command(arguments);
        let mut command = Command::new("/bin/sh");
        command.args(["-c", &format!("{limit}; exec \"$0\" \"$@\"")]);
        command.arg(binary.get_program()).args(binary.get_args());
        command.current_dir(self.folder.path()).env_clear();
        for (name, value) in binary.get_envs() {
            command.env(name, value.unwrap_or_default());
        }
        Run { command, input }
    }

    /// Runs the binary to its end.
    pub fn run(&self, arguments: &[&str]) -> Ran {
        self.command(arguments).run()
    }

    /// Runs the binary, which must succeed; what it printed on standard output.
    #[track_caller]
    pub fn done(&self, arguments: &[&str]) -> String {
        self.run(arguments).exited(0).stdout
    }

    /// A new key for a user, by the command line.
    #[track_caller]
    pub fn key_for(&self, user: &str) -> String {
        self.done(&["api-key", "create", "--user", user]).trim_end().to_owned()
    }

    /// A tenant `acme` with its owner `ann`; a key of hers.
    #[track_caller]
    pub fn set_up(&self) -> String {
        self.done(&["organization", "create", "acme", "--name", "Acme Health"]);
        self.done(&["user", "create", "ann", "--organization", "acme", "--owner"]);
        self.key_for("ann")
    }

    /// Reads the database in this process, with a key.
    pub async fn client(&self, key: &str) -> Client {
        let database = Database::connect(self.url()).await.unwrap();
        let clock = TestClock::new().clock();
        let random = std::sync::Arc::new(|_: &mut [u8]| Ok(()));
        let store = auditlog::store::Store::open(database, clock, random).await.unwrap();
        let router = http::router(store.clone(), Authenticator::new(store, None)).await;
        Client::bearer(&router, key)
    }

    /// Every event that the key's owner may view, in the order of their sequence, but for reads.
    pub async fn log(&self, key: &str) -> Vec<Value> {
        let mut log = self.log_with_reads(key).await;
        log.retain(|event| event["resource_name"] != "AUDIT_LOG");
        log
    }

    /// The same with what reads left, the reads of this log among it.
    pub async fn log_with_reads(&self, key: &str) -> Vec<Value> {
        let client = self.client(key).await;
        let query = "query ($after: String) {
            auditLog(order_by: SEQUENCE_ASC, first: 1000, after: $after) {
                nodes {
                    sequence external_id type resource_name resource_id
                    acting_user { id } organization { id }
                    resource_changes { field value_before_change value_after_change }
                }
                page_info { has_next_page end_cursor }
            }
        }";
        let (mut log, mut after) = (Vec::new(), Value::Null);
        loop {
            let data = client.data(query, json!({"after": after})).await;
            let page = &data["auditLog"];
            log.extend(page["nodes"].as_array().unwrap().iter().cloned());
            if page["page_info"]["has_next_page"] == false {
                return log;
            }
            after = page["page_info"]["end_cursor"].clone();
        }
    }
}

impl Run {
    pub fn env(mut self, name: &str, value: impl AsRef<std::ffi::OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// What standard input holds; nothing, if it is not said.
    pub fn input(mut self, input: impl Into<Vec<u8>>) -> Self {
        self.input = input.into();
        self
    }

    /// Runs it with standard output going to this file.
    pub fn into_file(mut self, path: &Path) -> Ran {
        let file = std::fs::File::options().write(true).open(path).unwrap();
        let output =
            self.command.stdin(Stdio::null()).stdout(file).stderr(Stdio::piped()).output().unwrap();
        Ran { status: output.status, stdout: String::new(), stderr: text(&output.stderr) }
    }

    /// Runs it to its end.
    pub fn run(self) -> Ran {
        self.start().ended()
    }

    /// Starts it.
    pub fn start(self) -> Running {
        let Self { mut command, input } = self;
        let piped = if input.is_empty() { Stdio::null() } else { Stdio::piped() };
        command.stdin(piped).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        if let Some(mut stdin) = child.stdin.take() {
            // A command that fails early does not read all of it.
            std::thread::spawn(move || stdin.write_all(&input));
        }
        let (sender, lines) = channel();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let stdout = std::thread::spawn(move || {
            let mut line = Vec::new();
            while stdout.read_until(b'\n', &mut line).unwrap() > 0 {
                let _ = sender.send(text(&line));
                line.clear();
            }
        });
        let mut stderr = child.stderr.take().unwrap();
        let stderr = std::thread::spawn(move || {
            let mut all = Vec::new();
            stderr.read_to_end(&mut all).unwrap();
            text(&all)
        });
        Running { child, lines, stdout: Some(stdout), stderr: Some(stderr) }
    }

    /// Starts a command that serves, and waits until it does.
    #[track_caller]
    pub fn serving(self) -> Server {
        let mut running = self.start();
        let mut before = String::new();
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match running.lines.recv_timeout(left) {
                Ok(line) => match line.strip_prefix("listening on ") {
                    Some(url) => {
                        let url = url.trim_end().to_owned();
                        return Server { url, introduction: before, running };
                    }
                    None => before.push_str(&line),
                },
                Err(problem) => {
                    running.kill();
                    panic!("it does not serve ({problem}): {:?}", running.ended());
                }
            }
        }
    }
}

impl Running {
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has not ended yet.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Ends it at once, as a power cut would.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
    }

    /// Sends a signal, such as `TERM`.
    pub fn signal(&self, name: &str) {
        let arguments = [format!("-{name}"), self.id().to_string()];
        let script = format!("kill {}", arguments.join(" "));
        assert!(Command::new("sh").args(["-c", &script]).status().unwrap().success());
    }

    /// Waits for its end.
    pub fn ended(mut self) -> Ran {
        let deadline = Instant::now() + PATIENCE;
        let mut impatient = false;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            if Instant::now() > deadline && !impatient {
                impatient = true;
                self.kill();
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        self.stdout.take().unwrap().join().unwrap();
        let stdout: String = self.lines.try_iter().collect();
        let stderr = self.stderr.take().unwrap().join().unwrap();
        assert!(!impatient, "it did not end: {stdout}{stderr}");
        Ran { status, stdout, stderr }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Ran {
    /// Holds the exit status to this one.
    #[track_caller]
    pub fn exited(self, status: i32) -> Self {
        assert_eq!(self.status.code(), Some(status), "{self:?}");
        self
    }

    /// Holds that it failed with a message and without a result; the message.
    #[track_caller]
    pub fn failed(self) -> String {
        let Self { stdout, stderr, .. } = self.exited(1);
        assert_eq!(stdout, "", "a failure has no result: {stderr}");
        assert!(stderr.starts_with("error: "), "{stderr}");
        stderr
    }
}

/// A server in a process of its own; gone when the test ends.
pub struct Server {
    /// Where it listens, as it said.
    pub url: String,
    /// What it printed before.
    pub introduction: String,
    running: Running,
}

impl Server {
    /// The host and port, to connect to.
    pub fn address(&self) -> &str {
        self.url.strip_prefix("http://").unwrap()
    }

    pub const fn process(&mut self) -> &mut Running {
        &mut self.running
    }

    pub fn signal(&self, name: &str) {
        self.running.signal(name);
    }

    /// Waits for its end.
    pub fn ended(self) -> Ran {
        self.running.ended()
    }

    /// The status and the body of what is at a path.
    pub async fn get(&self, path: &str) -> (u16, String) {
        let answer = http_client().get(format!("{}{path}", self.url)).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    /// The status and the answer of a GraphQL query.
    pub async fn graphql(&self, credential: &str, query: &str) -> (u16, Value) {
        let request = http_client()
            .post(format!("{}/graphql", self.url))
            .header("authorization", format!("Bearer {credential}"))
            .header("content-type", "application/json")
            .body(json!({"query": query}).to_string());
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        (status, serde_json::from_str(&answer.text().await.unwrap()).unwrap())
    }
}

/// A client that no setting of the machine's environment leads elsewhere.
pub fn http_client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}
