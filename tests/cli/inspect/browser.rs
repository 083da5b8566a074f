//! A headless Chromium, driven through a pipe: [`Browser`].
//!
//! Chromium reads commands of the DevTools protocol from its file descriptor 3 and answers on 4, as JSON texts
//! that end with a zero byte; a shell puts the test's pipes there. So neither a socket nor a crate is needed.
//!
//! | variable | meaning |
//! |---|---|
//! | `AOF_CI_STRICT=1` | a missing browser is a failure |
//! | `AOF_SCREENSHOTS=DIRECTORY` | pictures of the pages are left there, to be looked at |

use serde_json::{Value, json};
use std::cell::RefCell;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// Says loudly that a test did not run, and why. A failure where the environment asks for it.
pub(crate) fn not_run(why: &str) {
    let test = std::thread::current().name().unwrap_or("?").to_owned();
    // In one piece, and shown even where the test runner hides what tests print.
    let _ = std::io::stderr().write_all(format!("inspect: {test}: NOT RUN: {why}\n").as_bytes());
    let strict = std::env::var_os("AOF_CI_STRICT").is_some_and(|value| value == "1");
    assert!(!strict, "could not run, which AOF_CI_STRICT=1 forbids: {why}");
}

/// No answer takes longer.
const PATIENCE: Duration = Duration::from_secs(120);

/// A browser with one page.
pub(crate) struct Browser {
    child: Child,
    commands: RefCell<ChildStdin>,
    messages: Receiver<Value>,
    /// What it said unasked.
    events: RefCell<Vec<Value>>,
    next: RefCell<u64>,
    session: String,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// Starts one. `None`, and loud, where there is none.
    pub(crate) fn start() -> Option<Self> {
        let names = ["chromium", "chromium-browser", "google-chrome"];
        let path = std::env::var_os("PATH").unwrap_or_default();
        let program =
            names.iter().find(|name| std::env::split_paths(&path).any(|at| at.join(name).is_file()));
        let Some(program) = program else {
            not_run("there is no Chromium: on Debian run `sudo ci/setup chromium`");
            return None;
        };
        let profile = tempfile::tempdir().unwrap();
        let mut child = Command::new("sh")
            .args(["-c", "exec \"$@\" 3<&0 4>&1 0</dev/null 1>&2", "sh", program])
            .args(["--headless", "--remote-debugging-pipe", "--hide-scrollbars", "--no-first-run"])
            .args(["--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking"])
            .arg("--no-sandbox") // as root there is no other way; the pages are our own
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg("about:blank")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let commands = RefCell::new(child.stdin.take().unwrap());
        let mut answers = BufReader::new(child.stdout.take().unwrap());
        let (sender, messages) = channel();
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            while matches!(answers.read_until(0, &mut bytes), Ok(size) if size > 0) {
                bytes.pop();
                let Ok(message) = serde_json::from_slice(&bytes) else { break };
                if sender.send(message).is_err() {
                    break;
                }
                bytes.clear();
            }
        });
        let mut browser = Self {
            child,
            commands,
            messages,
            events: RefCell::default(),
            next: RefCell::new(0),
            session: String::new(),
            _profile: profile,
        };
        let target = browser.call("Target.createTarget", &json!({"url": "about:blank"}));
        let attached =
            browser.call("Target.attachToTarget", &json!({"targetId": target["targetId"], "flatten": true}));
        browser.session = attached["sessionId"].as_str().unwrap().to_owned();
        for domain in ["Page", "Runtime", "Log", "Network"] {
            browser.call(&format!("{domain}.enable"), &json!({}));
        }
        browser.size(1280, 900);
        Some(browser)
    }

    /// Gives a command and waits for its answer.
    #[track_caller]
    pub(crate) fn call(&self, method: &str, parameters: &Value) -> Value {
        let number = *self.next.borrow() + 1;
        *self.next.borrow_mut() = number;
        let mut message = json!({"id": number, "method": method, "params": parameters});
        if !self.session.is_empty() {
            message["sessionId"] = json!(self.session);
        }
        let mut bytes = message.to_string().into_bytes();
        bytes.push(0);
        self.commands.borrow_mut().write_all(&bytes).unwrap();
        loop {
            let message = self.message(method);
            if message["id"] == number {
                assert!(message.get("error").is_none(), "{method}: {message}");
                return message["result"].clone();
            }
            self.events.borrow_mut().push(message);
        }
    }

    #[track_caller]
    fn message(&self, what_for: &str) -> Value {
        self.messages.recv_timeout(PATIENCE).unwrap_or_else(|error| panic!("{what_for}: {error}"))
    }

    /// Opens a file, and waits until it is there.
    #[track_caller]
    pub(crate) fn open(&self, path: &Path) {
        self.events.borrow_mut().clear();
        let url = format!("file://{}", path.to_str().unwrap());
        self.call("Page.navigate", &json!({"url": url}));
        let loaded = |event: &Value| event["method"] == "Page.loadEventFired";
        while !self.events.borrow().iter().any(loaded) {
            let message = self.message("loading");
            self.events.borrow_mut().push(message);
        }
    }

    /// What an expression is in the page.
    #[track_caller]
    pub(crate) fn eval(&self, expression: &str) -> Value {
        let parameters = json!({"expression": expression, "returnByValue": true, "awaitPromise": true});
        let answer = self.call("Runtime.evaluate", &parameters);
        assert!(answer.get("exceptionDetails").is_none(), "{expression}: {answer}");
        answer["result"]["value"].clone()
    }

    /// The text of the first element that a selector finds, without the white space around it.
    #[track_caller]
    pub(crate) fn text(&self, selector: &str) -> String {
        let value = self.eval(&format!("document.querySelector({})?.textContent.trim()", json!(selector)));
        value.as_str().unwrap_or_else(|| panic!("{selector} is not there")).to_owned()
    }

    /// How many elements a selector finds.
    #[track_caller]
    pub(crate) fn count(&self, selector: &str) -> u64 {
        self.eval(&format!("document.querySelectorAll({}).length", json!(selector))).as_u64().unwrap()
    }

    /// Presses and releases a key.
    pub(crate) fn press(&self, key: &str, code: u32) {
        for kind in ["keyDown", "keyUp"] {
            let mut event = json!({"type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code});
            if key == "Enter" && kind == "keyDown" {
                event["text"] = json!("\r");
            }
            self.call("Input.dispatchKeyEvent", &event);
        }
    }

    /// Gives the page this size, in CSS pixels.
    pub(crate) fn size(&self, width: u32, height: u32) {
        let metrics = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.call("Emulation.setDeviceMetricsOverride", &metrics);
    }

    /// `dark` or `light`.
    pub(crate) fn scheme(&self, scheme: &str) {
        let features = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.call("Emulation.setEmulatedMedia", &features);
    }

    /// What went wrong since the page was opened: exceptions, errors on the console, breaches of the page's
    /// policy, and requests for anything but the file.
    pub(crate) fn troubles(&self) -> Vec<String> {
        self.eval("0"); // all that came before has been told then
        let is_trouble = |event: &&Value| match event["method"].as_str().unwrap_or_default() {
            "Runtime.exceptionThrown" | "Log.entryAdded" | "Runtime.consoleAPICalled" => true,
            "Network.requestWillBeSent" => {
                !event["params"]["request"]["url"].as_str().unwrap_or_default().starts_with("file:")
            }
            _ => false,
        };
        self.events.borrow().iter().filter(is_trouble).map(Value::to_string).collect()
    }

    /// Leaves a picture where `AOF_SCREENSHOTS` says, if it says so.
    pub(crate) fn picture(&self, name: &str, whole: bool) {
        let Some(directory) = std::env::var_os("AOF_SCREENSHOTS") else { return };
        let picture =
            self.call("Page.captureScreenshot", &json!({"format": "png", "captureBeyondViewport": whole}));
        let bytes = decoded(picture["data"].as_str().unwrap());
        std::fs::write(PathBuf::from(directory).join(format!("{name}.png")), bytes).unwrap();
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.commands.borrow_mut().write_all(b"{\"id\":0,\"method\":\"Browser.close\"}\0");
        for _ in 0..50 {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Bytes from base64.
fn decoded(text: &str) -> Vec<u8> {
    let digit = |byte: u8| match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let mut bytes = Vec::new();
    for chunk in text.trim_end_matches('=').as_bytes().chunks(4) {
        let bits = chunk.iter().fold(0_u32, |bits, byte| bits << 6 | u32::from(digit(*byte)));
        let bits = bits << (6 * (4 - chunk.len()));
        bytes.extend(&bits.to_be_bytes()[1..chunk.len()]);
    }
    bytes
}

#[test]
fn base64_is_read() {
    assert_eq!(decoded("bGlnaHQgd29yay4="), b"light work.");
    assert_eq!(decoded("AAEC/w=="), [0, 1, 2, 255]);
}
