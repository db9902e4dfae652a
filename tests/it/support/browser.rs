//! A real browser: headless Chromium, driven by the WebDriver protocol, which reaches nobody but this
//! machine.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::binary::http_client;

const INSTALL: &str = "the tests need Chromium and its driver: install Debian's packages \
                       `chromium` and `chromium-driver` or the like";

/// Longer than any page takes, even on a machine with much else to do.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the protocol calls a reference to an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// One window of a browser of its own; gone when the test ends.
pub struct Browser {
    driver: Child,
    port: u16,
    session: String,
    client: reqwest::Client,
    /// Holds the profile.
    _folder: TempDir,
}

impl Browser {
    pub async fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("auditlog-test-browser-").tempdir().unwrap();
        let start = |program: &str| {
            Command::new(program)
                .arg("--port=0")
                .env("TMPDIR", folder.path())
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn()
        };
        let driver = start("chromedriver").or_else(|_| start("/usr/bin/chromedriver"));
        let mut driver = driver.unwrap_or_else(|error| panic!("chromedriver: {error}; {INSTALL}"));
        let port = port_of(&mut driver);
        let mut browser =
            Self { driver, port, session: String::new(), client: http_client(), _folder: folder };
        browser.session = browser.begin().await;
        let elsewhere = browser.visit("http://example.com/").await;
        assert!(elsewhere.is_err(), "the browser reaches other machines");
        browser
    }

    async fn begin(&self) -> String {
        let arguments = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-dev-shm-usage",
            "--window-size=1400,900",
            "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
            // Nobody listens there.
            "--proxy-server=127.0.0.1:1",
            "--proxy-bypass-list=127.0.0.1",
        ];
        let capabilities = json!({"capabilities": {"alwaysMatch": {
            "browserName": "chrome",
            "goog:chromeOptions": {"args": arguments},
            "goog:loggingPrefs": {"browser": "ALL"},
        }}});
        let session = self.post("/session", &capabilities).await;
        let session = session.unwrap_or_else(|error| panic!("{error}; {INSTALL}"));
        format!("/session/{}", session["sessionId"].as_str().unwrap())
    }

    async fn visit(&self, url: &str) -> Result<(), String> {
        self.command("/url", json!({"url": url})).await.map(drop)
    }

    /// Opens a page.
    pub async fn open(&self, url: &str) {
        self.visit(url).await.unwrap();
    }

    /// What a script in the page returns.
    pub async fn run(&self, script: &str) -> Value {
        self.command("/execute/sync", json!({"script": script, "args": []})).await.unwrap()
    }

    /// Waits until a JavaScript expression is something, and something that is accepted.
    pub async fn until(&self, expression: &str, accepted: impl Fn(&str) -> bool) -> String {
        let script = format!("return String({expression} ?? '')");
        let deadline = Instant::now() + PATIENCE;
        loop {
            let value = self.run(&script).await;
            let value = value.as_str().unwrap();
            if !value.is_empty() && accepted(value) {
                return value.to_owned();
            }
            assert!(Instant::now() < deadline, "{expression} is still {value:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Clicks on an element as soon as it is there.
    pub async fn click(&self, selector: &str) {
        let element = self.element(selector).await;
        self.command(&format!("/element/{element}/click"), json!({})).await.unwrap();
    }

    /// Types into an element as soon as it is there.
    pub async fn type_into(&self, selector: &str, text: &str) {
        let element = self.element(selector).await;
        let keys = json!({"text": text});
        self.command(&format!("/element/{element}/value"), keys).await.unwrap();
    }

    async fn element(&self, selector: &str) -> String {
        self.until(&format!("document.querySelector({})", json!(selector)), |_| true).await;
        let found = json!({"using": "css selector", "value": selector});
        let element = self.command("/element", found).await.unwrap();
        element[ELEMENT].as_str().unwrap().to_owned()
    }

    /// What the console warns of or complains about that it did not say before.
    pub async fn console(&self) -> Vec<String> {
        let entries = self.command("/se/log", json!({"type": "browser"})).await.unwrap();
        let entries = entries.as_array().unwrap();
        let matters = |entry: &&Value| entry["level"] == "WARNING" || entry["level"] == "SEVERE";
        let entries = entries.iter().filter(matters);
        entries.map(|entry| entry["message"].as_str().unwrap().to_owned()).collect()
    }

    async fn command(&self, path: &str, body: Value) -> Result<Value, String> {
        self.post(&format!("{}{path}", self.session), &body).await
    }

    async fn post(&self, path: &str, body: &Value) -> Result<Value, String> {
        let request = self.client.post(format!("http://127.0.0.1:{}{path}", self.port));
        let answer = request.body(body.to_string()).send().await.unwrap();
        let ok = answer.status().is_success();
        let mut answer: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
        let value = answer["value"].take();
        if ok { Ok(value) } else { Err(value["message"].as_str().unwrap_or_default().to_owned()) }
    }
}

/// The port that the driver took, which it says.
fn port_of(driver: &mut Child) -> u16 {
    let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines();
    let port = lines.by_ref().map(Result::unwrap).find_map(|line| {
        let (_, port) = line.split_once("started successfully on port ")?;
        port.trim_end_matches('.').parse().ok()
    });
    // It must not be stopped by what it goes on to say.
    std::thread::spawn(move || lines.for_each(drop));
    port.expect("the driver says which port it took")
}

impl Drop for Browser {
    /// Asks the driver to close the browser, which would outlive it.
    fn drop(&mut self) {
        if let Ok(mut connection) = TcpStream::connect(("127.0.0.1", self.port)) {
            let _ = connection.set_read_timeout(Some(Duration::from_secs(10)));
            let request = format!(
                "DELETE {} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n",
                self.session
            );
            let _ = connection.write_all(request.as_bytes());
            let _ = connection.read_to_end(&mut Vec::new());
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
