//! The programs that the measurements are made with.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::str::FromStr;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{On, TestDatabase, direct};

/// A setting of the environment.
pub fn setting<T: FromStr>(name: &str, default: T) -> T {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Says what is missing before anything takes long.
pub fn check() {
    for program in ["wrk", "curl"] {
        let found = Command::new(program).arg("--version").output();
        assert!(found.is_ok(), "there is no {program}: install Debian's package of that name");
    }
}

/// What the database itself says of how it is set.
pub async fn said_of(database: &TestDatabase) -> String {
    let db = direct::connect(&database.url).await;
    match database.on {
        On::Sqlite => {
            format!("SQLite {}", direct::text(&db, "SELECT sqlite_version()").await)
        }
        On::Postgres => {
            let mut said = Vec::new();
            for name in
                ["server_version", "fsync", "synchronous_commit", "shared_buffers", "max_wal_size"]
            {
                let value = direct::text(&db, &format!("SHOW {name}")).await;
                said.push(format!("{name} {value}"));
            }
            format!("PostgreSQL: {}", said.join(", "))
        }
    }
}

/// The release binary over a database.
pub struct Auditlog {
    url: String,
}

/// A server that ends with this value.
pub struct Server {
    /// Where GraphQL is.
    pub url: String,
    child: Child,
}

impl Auditlog {
    pub fn over(url: &str) -> Self {
        Self { url: url.to_owned() }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_auditlog"));
        command
            .args(arguments)
            .env("AUDITLOG_DATABASE_URL", &self.url)
            .env("AUDITLOG_LOG", "error");
        command
    }

    /// What a command prints.
    pub fn run(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Fills the database; how many seconds it took.
    pub fn load(&self, count: u64) -> f64 {
        let start = Instant::now();
        self.run(&["generate", "--load", "--events", &count.to_string()]);
        start.elapsed().as_secs_f64()
    }

    /// As the database does by itself in time.
    pub async fn analyze(&self, on: On) {
        if on == On::Postgres {
            direct::run(&direct::connect(&self.url).await, "VACUUM ANALYZE").await;
        }
    }

    /// A user of the large tenant; their key.
    pub fn user(&self, id: &str, rights: &[&str]) -> String {
        let create = ["user", "create", id, "--organization", "large"];
        self.run(&[&create[..], rights].concat());
        self.run(&["api-key", "create", "--user", id])
    }

    pub fn serve(&self) -> Server {
        let mut child = self
            .command(&["serve", "--listen", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("listening on ").expect("where it listens");
        Server { url: format!("{url}/graphql"), child }
    }
}

impl Server {
    /// Where events are recorded.
    pub fn records(&self) -> String {
        self.url.replace("/graphql", "/v1/audit-events")
    }

    /// Chooses which reads leave an event.
    pub fn log_reads(&self, owner: &str, which: &str) {
        let query = format!(
            "mutation {{ updateAuditSettings(input: {{log_of_reads: {which}}}) {{ messages {{ field }} }} }}"
        );
        let answer = self.ask(owner, &json!({"query": query}));
        assert_eq!(answer["data"]["updateAuditSettings"]["messages"], json!([]), "{answer}");
    }

    /// Asks once.
    pub fn ask(&self, key: &str, query: &Value) -> Value {
        let output = Command::new("curl")
            .args(["-sS", "--noproxy", "*", &self.url, "-H", "Content-Type: application/json"])
            .args(["-H", &format!("Authorization: Bearer {key}"), "-d", &query.to_string()])
            .output()
            .unwrap();
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
    }

    /// Waits until it says that it is ready.
    pub fn is_ready(&self) {
        let host = self.url.strip_prefix("http://").unwrap().strip_suffix("/graphql").unwrap();
        let ready = || {
            let mut stream = TcpStream::connect(host)?;
            stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            Ok::<_, std::io::Error>(answer.starts_with("HTTP/1.1 200"))
        };
        while !ready().unwrap_or(false) {
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// The memory it has now.
    pub fn megabytes(&self) -> u64 {
        self.status("VmRSS:")
    }

    /// The most it has had.
    pub fn most_megabytes(&self) -> u64 {
        self.status("VmHWM:")
    }

    fn status(&self, name: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        kilobytes.unwrap_or(0) / 1024
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What came of some seconds of load; times in milliseconds.
pub struct Figures {
    pub per_second: f64,
    pub p50: f64,
    pub p99: f64,
}

impl Figures {
    /// Of several turns, what is in the middle.
    fn in_the_middle(turns: &[Self]) -> Self {
        let middle = |figure: fn(&Self) -> f64| {
            let mut all: Vec<f64> = turns.iter().map(figure).collect();
            all.sort_by(f64::total_cmp);
            all[all.len() / 2]
        };
        Self {
            per_second: middle(|turn| turn.per_second),
            p50: middle(|turn| turn.p50),
            p99: middle(|turn| turn.p99),
        }
    }
}

/// Asks again and again over so many connections.
pub fn wrk(url: &str, script: &str, connections: usize) -> Figures {
    wrk_for(url, script, connections, setting("AUDITLOG_BENCH_SECONDS", 5))
}

/// The same of several, which take turns of a second: whatever else the machine does weighs on all of them.
pub fn in_turns<const N: usize>(loads: [(&str, &str); N], connections: usize) -> [Figures; N] {
    let mut turns = [const { Vec::new() }; N];
    for _ in 0..setting("AUDITLOG_BENCH_SECONDS", 5) {
        for ((url, script), turns) in loads.iter().zip(&mut turns) {
            turns.push(wrk_for(url, script, connections, 1));
        }
    }
    turns.map(|turns| Figures::in_the_middle(&turns))
}

/// The same for so many seconds.
pub fn wrk_for(url: &str, script: &str, connections: usize, seconds: u64) -> Figures {
    let file = tempfile::Builder::new().suffix(".lua").tempfile().unwrap();
    std::fs::write(file.path(), script).unwrap();
    let threads = connections.min(2).to_string();
    let seconds = format!("{seconds}s");
    let output = Command::new("wrk")
        .args(["--latency", "-t", &threads, "-c", &connections.to_string(), "-d", &seconds, "-s"])
        .arg(file.path())
        .arg(url)
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && !said.contains("Non-2xx"), "{url}: {said}");
    let after = |label: &str| {
        let line = said.lines().find_map(|line| line.trim().strip_prefix(label));
        line.unwrap_or_else(|| panic!("no {label} in {said}")).trim().to_owned()
    };
    Figures {
        per_second: after("Requests/sec:").parse().unwrap(),
        p50: milliseconds(&after("50%")),
        p99: milliseconds(&after("99%")),
    }
}

fn milliseconds(text: &str) -> f64 {
    for (unit, factor) in [("us", 0.001), ("ms", 1.0), ("s", 1_000.0), ("m", 60_000.0)] {
        if let Some(number) = text.strip_suffix(unit) {
            return number.parse::<f64>().unwrap() * factor;
        }
    }
    panic!("{text} is no time");
}
