//! A real Chromium, driven by its driver's JSON over HTTP (W3C `WebDriver`).

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use podfleet_tests::require;
use serde_json::{Value, json};
use tempfile::TempDir;

/// How long anything that ought to happen may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Keys that have no letter, as `WebDriver` names them.
pub(crate) const TAB: char = '\u{e004}';
pub(crate) const ENTER: char = '\u{e007}';
pub(crate) const SHIFT: char = '\u{e008}';
pub(crate) const CONTROL: char = '\u{e009}';
pub(crate) const ESCAPE: char = '\u{e00c}';

/// A browser with a profile of its own.
pub(crate) struct Browser {
    driver: Child,
    // Kept, so that what the driver still says finds a reader.
    _said: BufReader<ChildStdout>,
    address: SocketAddr,
    session: String,
    profile: TempDir,
}

impl Drop for Browser {
    fn drop(&mut self) {
        if !self.session.is_empty() {
            // This ends the browser; the driver does not do that by itself.
            let _ = self.request("DELETE", "", &Value::Null);
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

impl Browser {
    /// Starts one; nothing on a machine without.
    pub(crate) fn start() -> Option<Self> {
        let [chromium, chromedriver] = require::chromium()?;
        let profile = tempfile::Builder::new().prefix("pfb").tempdir().unwrap();
        let (driver, said, port) = start_driver(&chromedriver, profile.path());
        let mut browser = Self {
            driver,
            _said: said,
            address: SocketAddr::from(([127, 0, 0, 1], port)),
            session: String::new(),
            profile,
        };
        let arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-background-networking",
            "--window-size=1280,900",
        ];
        let data = format!("--user-data-dir={}", browser.profile.path().display());
        let arguments: Vec<_> = arguments.into_iter().chain([data.as_str()]).collect();
        let begun = browser.request(
            "POST",
            "",
            &json!({ "capabilities": { "alwaysMatch": {
                "acceptInsecureCerts": true,
                "unhandledPromptBehavior": "ignore",
                "goog:chromeOptions": { "binary": chromium, "args": arguments },
                "goog:loggingPrefs": { "browser": "ALL" },
            } } }),
        );
        let begun = begun.unwrap_or_else(|error| panic!("no browser: {error}"));
        browser.session = begun["sessionId"].as_str().unwrap().to_owned();
        Some(browser)
    }

    /// Asks the driver; the error is what it says.
    fn request(&self, method: &str, path: &str, body: &Value) -> Result<Value, String> {
        let session = match self.session.as_str() {
            "" => String::new(),
            session => format!("/{session}"),
        };
        let body = match body {
            Value::Null => String::new(),
            body => body.to_string(),
        };
        let request = format!(
            "{method} /session{session}{path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        );
        let asked = || {
            let mut stream = TcpStream::connect(self.address)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.write_all(request.as_bytes())?;
            answer(&mut BufReader::new(stream))
        };
        let answer = asked().map_err(|error: std::io::Error| error.to_string())?;
        let answer: Value = serde_json::from_slice(&answer).map_err(|error| error.to_string())?;
        let value = answer["value"].clone();
        match value["error"].as_str() {
            Some(error) => Err(format!("{error}: {}", value["message"])),
            None => Ok(value),
        }
    }

    #[track_caller]
    fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        let answer = self.request(method, path, body);
        answer.unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    #[track_caller]
    pub(crate) fn go(&self, url: &str) {
        self.ask("POST", "/url", &json!({ "url": url }));
    }

    /// Opens another tab and shows it; returns its name.
    #[track_caller]
    pub(crate) fn open_tab(&self) -> String {
        let opened = self.ask("POST", "/window/new", &json!({ "type": "tab" }));
        let name = opened["handle"].as_str().unwrap().to_owned();
        self.show_tab(&name);
        name
    }

    /// Shows a tab, as a person chooses it; those before are hidden.
    #[track_caller]
    pub(crate) fn show_tab(&self, name: &str) {
        self.ask("POST", "/window", &json!({ "handle": name }));
        self.devtools("Page.bringToFront", &json!({}));
    }

    /// Returns the name of the tab that is shown.
    #[track_caller]
    pub(crate) fn tab(&self) -> String {
        let name = self.ask("GET", "/window", &Value::Null);
        name.as_str().unwrap().to_owned()
    }

    #[track_caller]
    pub(crate) fn address(&self) -> String {
        let url = self.ask("GET", "/url", &Value::Null);
        url.as_str().unwrap().to_owned()
    }

    /// Runs a script in the page; `return` gives its value.
    #[track_caller]
    pub(crate) fn run(&self, script: &str) -> Value {
        self.ask(
            "POST",
            "/execute/sync",
            &json!({ "script": script, "args": [] }),
        )
    }

    /// Runs a script again and again until it returns something that is true.
    #[track_caller]
    pub(crate) fn until(&self, script: &str) -> Value {
        let begun = Instant::now();
        loop {
            // Between two pages there is none to run it in.
            let body = json!({ "script": script, "args": [] });
            let value = self.request("POST", "/execute/sync", &body);
            match value {
                Ok(Value::Null | Value::Bool(false)) | Err(_) if begun.elapsed() < PATIENCE => {}
                Ok(Value::Null | Value::Bool(false)) => panic!("never: {script}\n{}", self.text()),
                Ok(value) => return value,
                Err(error) => panic!("{error}: {script}"),
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Waits until the page shows a text.
    #[track_caller]
    pub(crate) fn until_text(&self, wanted: &str) {
        self.until(&format!(
            "return document.body.innerText.includes({})",
            json!(wanted)
        ));
    }

    #[track_caller]
    pub(crate) fn text(&self) -> String {
        let text = self.run("return document.body.innerText");
        text.as_str().unwrap_or_default().to_owned()
    }

    /// Presses and releases keys, one after the other.
    #[track_caller]
    pub(crate) fn press(&self, keys: &str) {
        let actions: Vec<_> = keys
            .chars()
            .flat_map(|key| {
                let key = key.to_string();
                [
                    json!({ "type": "keyDown", "value": key }),
                    json!({ "type": "keyUp", "value": key }),
                ]
            })
            .collect();
        self.act(&actions);
    }

    /// Presses a key while another is held.
    #[track_caller]
    pub(crate) fn press_with(&self, held: char, key: char) {
        let (held, key) = (held.to_string(), key.to_string());
        self.act(&[
            json!({ "type": "keyDown", "value": held }),
            json!({ "type": "keyDown", "value": key }),
            json!({ "type": "keyUp", "value": key }),
            json!({ "type": "keyUp", "value": held }),
        ]);
    }

    #[track_caller]
    fn act(&self, actions: &[Value]) {
        let source = json!({ "type": "key", "id": "keyboard", "actions": actions });
        self.ask("POST", "/actions", &json!({ "actions": [source] }));
    }

    /// Goes from element to element by Tab until one is reached for which an expression about `it`
    /// is true.
    #[track_caller]
    pub(crate) fn tab_to(&self, expression: &str) {
        for _ in 0..60 {
            self.press(&TAB.to_string());
            let script = format!("const it = document.activeElement; return Boolean({expression})");
            if self.run(&script) == true {
                return;
            }
        }
        panic!("Tab never reaches {expression}:\n{}", self.text());
    }

    /// Gives an element's files to an input, as a person chooses them.
    #[track_caller]
    pub(crate) fn choose_files(&self, selector: &str, paths: &str) {
        let found = json!({ "using": "css selector", "value": selector });
        let element = self.ask("POST", "/element", &found);
        let id = element.as_object().unwrap().values().next().unwrap();
        let place = format!("/element/{}/value", id.as_str().unwrap());
        self.ask("POST", &place, &json!({ "text": paths }));
    }

    /// Answers the question that the page asks; with a text, if it asks for one.
    #[track_caller]
    pub(crate) fn accept(&self, text: Option<&str>) -> String {
        let question = self.question();
        if let Some(text) = text {
            self.ask("POST", "/alert/text", &json!({ "text": text }));
        }
        self.ask("POST", "/alert/accept", &json!({}));
        question
    }

    /// Says no to the question that the page asks.
    #[track_caller]
    pub(crate) fn decline(&self) -> String {
        let question = self.question();
        self.ask("POST", "/alert/dismiss", &json!({}));
        question
    }

    #[track_caller]
    fn question(&self) -> String {
        let begun = Instant::now();
        let question = loop {
            match self.request("GET", "/alert/text", &Value::Null) {
                Ok(question) => break question,
                Err(error) => assert!(begun.elapsed() < PATIENCE, "no question: {error}"),
            }
            std::thread::sleep(Duration::from_millis(50));
        };
        question.as_str().unwrap_or_default().to_owned()
    }

    #[track_caller]
    fn devtools(&self, command: &str, params: &Value) {
        let body = json!({ "cmd": command, "params": params });
        self.ask("POST", "/goog/cdp/execute", &body);
    }

    /// Gives the window a size, as a telephone has it.
    #[track_caller]
    pub(crate) fn resize(&self, width: u32, height: u32) {
        self.devtools(
            "Emulation.setDeviceMetricsOverride",
            &json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false }),
        );
    }

    /// Has the system prefer light or dark.
    #[track_caller]
    pub(crate) fn prefer(&self, scheme: &str) {
        let feature = json!({ "name": "prefers-color-scheme", "value": scheme });
        self.devtools(
            "Emulation.setEmulatedMedia",
            &json!({ "features": [feature] }),
        );
    }

    /// Keeps a picture of what is shown, for a person to look at.
    #[track_caller]
    pub(crate) fn picture(&self, name: &str) {
        let picture = self.ask("GET", "/screenshot", &Value::Null);
        let picture = data_encoding::BASE64.decode(picture.as_str().unwrap().as_bytes());
        let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("page");
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join(format!("{name}.png")), picture.unwrap()).unwrap();
    }

    /// What the browser complains of, such as what the policy of a page refuses. What the network
    /// does is no fault of the page.
    #[track_caller]
    pub(crate) fn complaints(&self) -> Vec<String> {
        let log = self.ask("POST", "/se/log", &json!({ "type": "browser" }));
        let entries = log.as_array().unwrap().iter();
        entries
            .filter(|entry| entry["source"] != "network")
            .map(|entry| entry["message"].as_str().unwrap().to_owned())
            .filter(|message| {
                !message.contains("net::ERR_") && !message.contains("WebSocket connection")
            })
            .collect()
    }
}

/// Starts a driver at any port that is free; returns it with what it says from there on, and the port.
///
/// It chooses one that is free by IPv4, and ends if another process has that one by IPv6.
fn start_driver(program: &Path, home: &Path) -> (Child, BufReader<ChildStdout>, u16) {
    for _ in 0..10 {
        let mut driver = Command::new(program)
            .arg("--port=0")
            .env("HOME", home)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(driver.stdout.take().unwrap());
        if let Some(port) = told_port(&mut said) {
            return (driver, said, port);
        }
        driver.wait().unwrap();
    }
    panic!("no port was told");
}

/// Returns the port at which a driver says that it listens; nothing if it ends before.
fn told_port(said: &mut impl std::io::BufRead) -> Option<u16> {
    let ports = said.lines().map_while(Result::ok).filter_map(|line| {
        let rest = line.split("on port ").nth(1)?;
        rest.trim().trim_end_matches('.').parse().ok()
    });
    // First it says that it was asked for any that is free.
    { ports }.find(|port| *port != 0)
}

/// Reads an answer of HTTP whose length is told.
fn answer(stream: &mut impl std::io::BufRead) -> std::io::Result<Vec<u8>> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        stream.read_line(&mut line)?;
        if line.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().map_err(std::io::Error::other)?;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    Ok(body)
}
